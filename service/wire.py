"""Vectors -> the bytes of an answer. They pass through neither pydantic nor Python floats."""

import base64
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import orjson

from service.errors import RequestError
from service.schemas import DType, Encoding

NUMPY_DTYPE: Mapping[DType, str] = {"float32": "<f4", "float16": "<f2"}
JSON_NUMBER_BYTES = 12  # "-0.12345678,"


def num_bytes(numbers: int, dtype: DType, encoding: Encoding) -> int:
    """About what so many numbers take in an answer."""
    if encoding == "json":
        return numbers * JSON_NUMBER_BYTES
    return -(-numbers * np.dtype(NUMPY_DTYPE[dtype]).itemsize // 3) * 4


def embedding(
    vectors: npt.NDArray[np.float32], dtype: DType, encoding: Encoding
) -> dict[str, object]:
    """The fields `shape`, `dtype` and `embedding` of one text.

    Raises:
        RequestError: nonfinite_output: a number is infinite or none, or does not fit the dtype.
    """
    with np.errstate(over="ignore"):  # what overflows float16 is refused below
        numbers = np.ascontiguousarray(vectors, dtype=NUMPY_DTYPE[dtype])
    if not np.isfinite(numbers).all():
        raise RequestError(
            "nonfinite_output",
            f"a vector holds a number that is not finite in {dtype}; check the scale of the mix",
            param="dtype",
        )
    written = base64.b64encode(numbers.data).decode("ascii") if encoding == "base64" else numbers
    return {"shape": numbers.shape, "dtype": dtype, "embedding": written}


def to_json(answer: object) -> bytes:
    """An answer as bytes; arrays become nested lists."""
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
