"""Check that what a caller of the library gives is a text, a list or a whole number.

Objects of pandas, polars and pyarrow are recognised by their attributes, such as `columns`, so that
none of these libraries needs to be installed.
"""

import math
import os
from array import array
from collections.abc import Iterable, KeysView, Mapping, Set
from operator import index

from biLM.errors import BiLMError, TextError

# The type codes of Python's `array` for characters; "w" needs Python 3.13.
CHARACTERS = ("u", "w")


def text_of(given: object, name: str = "the text") -> str:
    """Return a text.

    Args:
        given: What a caller gives as a text.
        name: What a message calls it.

    Raises:
        TextError: it is not a str.
    """
    if isinstance(given, str):
        return given
    raise TextError(f"{name} is {kind(given)}; {_remedy(given)}")


def list_of(given: object, name: str, expected: str, error: type[BiLMError]) -> list[object]:
    """Return the entries of a collection; a generator is read once.

    Args:
        given: What a caller gives as a list.
        name: What a message calls it.
        expected: What is to be given instead.
        error: What is raised.

    Raises:
        BiLMError: `error`, if this is not a collection, or is one that would be read wrongly.
    """
    if isinstance(given, list | tuple):
        return list(given)
    if not isinstance(given, Iterable) or is_read_wrongly(given):
        raise error(f"{name} is {kind(given)}; give {expected}")
    # Iterating over an array of pyarrow gives pyarrow's own scalars instead of str and int.
    return list(given.to_pylist() if hasattr(given, "to_pylist") else given)


def whole_number(given: object, name: str, error: type[BiLMError]) -> int:
    """Return a whole number of Python, numpy or torch as one of Python.

    Raises:
        BiLMError: `error`, if it is anything else; True and False are not numbers here.
    """
    if type(given) is int:
        return given
    if not isinstance(given, bool):
        try:
            return index(given)  # type: ignore[arg-type]  # what has no index raises
        except TypeError:
            pass
    raise error(f"{name} is {kind(given)}; give a whole number")


def is_read_wrongly(given: object) -> bool:
    """Return whether iterating gives characters or names, or entries in no order.

    A string would be read as single characters, a table and a dict as the names of their columns.
    """
    if isinstance(given, array):
        return given.typecode in CHARACTERS
    if isinstance(given, KeysView):  # a set in the order of its dict
        return False
    if isinstance(given, str | bytes | bytearray | memoryview | os.PathLike | Mapping | Set):
        return True
    return any(hasattr(given, name) for name in ("columns", "column_names", "readline"))


def kind(given: object) -> str:
    """Return the type of a value for a message; None as it is."""
    return "None" if given is None else f"of type {type(given).__name__}"


def _remedy(given: object) -> str:
    if isinstance(given, bytes | bytearray | memoryview):
        return 'decode it: bytes(given).decode("utf-8")'
    if isinstance(given, array) and given.typecode in CHARACTERS:
        return "join it: given.tounicode()"
    if given is None or (isinstance(given, float) and math.isnan(given)) or _is_missing(given):
        return "leave it out, or give an empty str"
    if isinstance(given, list | tuple):
        return "give one str at a time; a text in words of your own goes into words"
    return "give a str"


def _is_missing(given: object) -> bool:
    """Return whether this is one of the values by which pandas marks what is missing."""
    return type(given).__name__ in ("NAType", "NaTType")
