"""Serialize vectors for a response, bypassing both pydantic and Python floats."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pybase64

from .errors import RequestError, invalid
from .fields import DType, Encoding

NUMPY_DTYPE: Mapping[DType, str] = {"float32": "<f4", "float16": "<f2"}
SAFETENSORS = "application/vnd.safetensors"
NDJSON = "application/x-ndjson"
SAFETENSORS_DTYPE = {"<f2": "F16", "<f4": "F32", "<i4": "I32", "<i8": "I64"}
# A safetensors file begins with the size of its header, an integer of this many bytes.
HEADER_SIZE_BYTES = 8
# The first tensor of a safetensors file begins at a multiple of this.
ALIGNMENT_BYTES = 8
# A number such as "-0.12345678," takes about as many bytes.
JSON_NUMBER_BYTES = 12
# One of float64 such as "-0.12345678901234567,".
JSON_DOUBLE_BYTES = 21

Numbers = npt.NDArray[Any]


def num_bytes(numbers: int, dtype: DType, encoding: Encoding) -> int:
    """Return about how many bytes this many numbers take in a response."""
    if encoding == "json":
        return numbers * JSON_NUMBER_BYTES
    return -(-numbers * np.dtype(NUMPY_DTYPE[dtype]).itemsize // 3) * 4


def to_numbers(vectors: npt.NDArray[np.float32], dtype: DType) -> Numbers:
    """Return the vectors as they are sent: little-endian, in C order.

    Raises:
        RequestError: nonfinite_output, if a value is not finite; validation_error, if it is too
            large for the dtype.
    """
    with np.errstate(over="ignore"):  # what overflows float16 is refused below
        numbers = np.ascontiguousarray(vectors, dtype=NUMPY_DTYPE[dtype])
    if not np.isfinite(numbers).all():
        if np.isfinite(vectors).all():
            raise invalid(
                "dtype",
                f"a vector has a value that {dtype} cannot hold; send float32, or a mix of smaller"
                " numbers",
            )
        raise RequestError(
            "nonfinite_output",
            "the model has computed a value that is not finite; quote the request_id to the"
            " operator of the service",
        )
    return numbers


def encoded(numbers: Numbers, encoding: Encoding) -> str | orjson.Fragment:
    """Return a value for `to_json`: a base64 string, or nested lists that are already written."""
    if encoding == "base64":
        return pybase64.b64encode_as_string(numbers.data)
    return orjson.Fragment(b"".join(_lists(numbers)))


def _lists(numbers: Numbers) -> Iterator[bytes]:
    """Write nested lists row by row, for orjson holds the interpreter while it writes."""
    if numbers.ndim == 1 or not len(numbers):
        yield to_json(numbers)
        return
    for place, row in enumerate(numbers):
        yield b"," if place else b"["
        yield from _lists(row)
    yield b"]"


def embedding(
    vectors: npt.NDArray[np.float32], dtype: DType, encoding: Encoding
) -> dict[str, object]:
    """Return the fields `shape`, `dtype` and `embedding` of one text.

    Raises:
        RequestError: as `to_numbers`.
    """
    numbers = to_numbers(vectors, dtype)
    return {"shape": numbers.shape, "dtype": dtype, "embedding": encoded(numbers, encoding)}


def to_safetensors(tensors: Mapping[str, Numbers], rest: Mapping[str, object]) -> bytes:
    """Return one safetensors body; every field of `rest` is stored as JSON in its metadata.

    The format is described at https://huggingface.co/docs/safetensors. The library writes metadata
    in random order, whereas here equal responses have equal bytes. It also copies the tensors
    twice more.
    """
    header: dict[str, object] = {
        "__metadata__": {name: to_json(value).decode() for name, value in rest.items()}
    }
    widest_first = sorted(tensors.items(), key=lambda item: -item[1].itemsize)  # so all are aligned
    end = 0
    for name, numbers in widest_first:
        begin, end = end, end + numbers.nbytes
        dtype = SAFETENSORS_DTYPE[numbers.dtype.str]
        header[name] = {"dtype": dtype, "shape": numbers.shape, "data_offsets": (begin, end)}
    written = to_json(header)
    written += b" " * (-len(written) % ALIGNMENT_BYTES)
    size = len(written).to_bytes(HEADER_SIZE_BYTES, "little")
    return b"".join([size, written, *(numbers.data for _, numbers in widest_first)])


def to_json(answer: object) -> bytes:
    """Return the answer as JSON bytes; arrays become nested lists."""
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
