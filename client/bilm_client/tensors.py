"""Read a safetensors body into arrays and metadata, without copying the arrays.

The body consists of the size of the header in eight bytes, a JSON header, and the numbers of all
tensors.
"""

import json
from typing import Any

import numpy as np
import numpy.typing as npt

DTYPES = {"F32": "<f4", "F16": "<f2", "I32": "<i4", "I64": "<i8"}
SIZE_BYTES = 8


def read_tensors(body: bytes) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Return the tensors by name, as read-only views of the body, and the decoded metadata.

    Raises:
        ValueError, KeyError, TypeError: this is not a safetensors body of the service.
    """
    begin = SIZE_BYTES + int.from_bytes(body[:SIZE_BYTES], "little")
    header = json.loads(body[SIZE_BYTES:begin])
    metadata = {name: json.loads(value) for name, value in header.pop("__metadata__").items()}
    tensors = {}
    for name, facts in header.items():
        first, last = facts["data_offsets"]
        numbers = np.frombuffer(
            memoryview(body)[begin + first : begin + last], DTYPES[facts["dtype"]]
        )
        tensors[name] = numbers.reshape(facts["shape"])
    return tensors, metadata
