"""Check the kinds of input that the methods take: one place for texts, words, ids and spans.

What comes from pandas, polars, pyarrow or torch is recognised by what it has, such as columns or a
shape, so that none of them needs to be installed.
"""

import math
import operator
import os
from array import array
from collections import UserString
from collections.abc import Callable, Iterable, KeysView, Mapping, Set, Sized
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from bilm_client.errors import InputError

# What the methods take, as far as types can say it; a Series or an array is an Iterable.
Many = str | Iterable[str] | npt.NDArray[np.str_] | npt.NDArray[np.object_]
ManyWords = Iterable[Iterable[str]]
ManyIds = Iterable[Iterable[int] | npt.NDArray[np.integer[Any]]]
ManySpans = Iterable[Iterable[Iterable[int]]]

Entry = TypeVar("Entry")
EXPECTED = "a string, or a list, a Series or an array of strings"
# A message shows no more than this many characters of a number.
SHOWN_LENGTH = 24
# The codes of arrays of characters in Python's `array`; an array of code "w" needs Python 3.13.
CHARACTERS = ("u", "w")


def one_text(given: Any, name: str = "text") -> str:
    """Return a single text.

    Raises:
        InputError: it is not a string.
    """
    if isinstance(given, str):
        return str.__str__(given)
    raise InputError(f"{name} is {_kind(given)}; {_remedy(given, f'give {name} as a string')}")


def texts_of(given: Any) -> Iterable[str]:
    """Return the texts: a checked list, or an iterator that checks as it goes if `given` is one.

    Raises:
        InputError: `given` is not a collection of texts, or one of them is not a string.
    """
    if isinstance(given, str):
        return [str.__str__(given)]
    return _collection(given, "texts", EXPECTED, _text)


def words_of(given: Any) -> Iterable[list[str]]:
    """Return each text as a list of its words; see `texts_of`."""
    return _collection(given, "words", "for each text a list of words", _words)


def ids_of(given: Any) -> Iterable[list[int]]:
    """Return each text as a list of piece ids; see `texts_of`."""
    return _collection(given, "ids", "for each text a list of piece ids", _ids)


def spans_of(given: Any) -> Iterable[list[list[int]]]:
    """Return the spans of each text as lists of two numbers; see `texts_of`."""
    return _collection(given, "spans", "for each text a list of spans [begin, end)", _spans)


def single_source(**given: Any) -> tuple[str, Any]:
    """Return the name and the value of the only argument that is not None.

    Raises:
        InputError: not exactly one is given.
    """
    found = [(name, value) for name, value in given.items() if value is not None]
    if len(found) != 1:
        got = " and ".join(sorted(name for name, _ in found)) or "none"
        names = list(given)
        raise InputError(f"give exactly one of {', '.join(names[:-1])} and {names[-1]}; got {got}")
    return found[0]


def is_table(given: Any) -> bool:
    """Return whether this is a table, such as a DataFrame, a pyarrow Table or a data set."""
    # The type is looked at, because the columns of a lazy table take a computation.
    kind = type(given)
    has_columns = hasattr(kind, "columns") or hasattr(kind, "column_names")
    return has_columns or _field_names(given) is not None


def _collection(
    given: Any, name: str, expected: str, check: Callable[[Any, int], Entry]
) -> Iterable[Entry]:
    if reason := _refusal(given) or _shape_refusal(given):
        raise InputError(f"{name}: {_kind(given)} {reason}; give {expected}")
    if hasattr(given, "to_pylist"):  # pyarrow's arrays, whose elements are not strings of Python
        given = given.to_pylist()
    try:
        entries = iter(given)
    except TypeError:
        remedy = _remedy(given, f"give {expected}")
        raise InputError(f"{name}: {_kind(given)} has no texts in it; {remedy}") from None
    checked = (check(entry, number) for number, entry in enumerate(entries))
    return list(checked) if isinstance(given, Sized) else checked


def _refusal(given: Any) -> str | None:
    """Return why a collection is not taken, if it is a kind that would be read wrongly."""
    if is_table(given):
        return 'has columns, and one of them is needed, such as df["text"]'
    if isinstance(given, Mapping):
        return "has names beside its values, which are list(given.values())"
    if isinstance(given, Set) and not isinstance(given, KeysView):
        return "has no order, which sorted(given) has"
    if isinstance(given, str | bytes | bytearray | memoryview | os.PathLike | UserString):
        return f"is a single value; {_remedy(given, 'put it into a list')}"
    if isinstance(given, array) and given.typecode in CHARACTERS:
        return "has single characters, which given.tounicode() joins to one text"
    if hasattr(given, "readline"):
        return "gives lines with their ends, unlike given.read().splitlines()"
    if hasattr(given, "__aiter__"):
        return "must be awaited: [text async for text in given]"
    return None


def _shape_refusal(given: Any) -> str | None:
    """Return why an array is not taken, if it has not one dimension."""
    shape = getattr(given, "shape", None)
    if isinstance(shape, tuple) and len(shape) != 1:
        taken = "given.item()" if not shape else "one column, given[:, 0]"
        return f"has the shape {tuple(shape)} and not one dimension; take {taken}"
    return None


def _text(given: Any, number: int) -> str:
    if type(given) is str:
        return given
    if isinstance(given, str):
        return str.__str__(given)
    raise InputError(f"text {number} is {_kind(given)}; {_remedy(given, 'give a string')}", number)


def _words(given: Any, number: int) -> list[str]:
    words = _inner(given, number, "words", "give its words as a list of strings")
    for place, word in enumerate(words):
        if not isinstance(word, str):
            found = f"word {place} of text {number} is {_kind(word)}"
            raise InputError(f"{found}; {_remedy(word, 'give a string')}", number)
    return [str.__str__(word) for word in words]


def _ids(given: Any, number: int) -> list[int]:
    ids = _inner(given, number, "ids", "give its ids as a list of integers")
    return [_integer(one, f"id {place} of text {number}", number) for place, one in enumerate(ids)]


def _spans(given: Any, number: int) -> list[list[int]]:
    spans = _inner(given, number, "spans", "give its spans as a list of pairs of integers")
    found = []
    for place, span in enumerate(spans):
        name = f"span {place} of text {number}"
        if _refusal(span) or not isinstance(span, Iterable):
            raise InputError(f"{name} is {_kind(span)}; give [begin, end)", number)
        found.append([_integer(one, f"a number of {name}", number) for one in span])
    return found


def _inner(given: Any, number: int, name: str, remedy: str) -> list[Any]:
    """Return the entries of one text."""
    # The spans of a text may be a matrix.
    if _refusal(given) or (name != "spans" and _shape_refusal(given)):
        raise InputError(f"{name} of text {number}: {_kind(given)} is not taken; {remedy}", number)
    if hasattr(given, "to_pylist"):
        given = given.to_pylist()
    try:
        entries = iter(given)
    except TypeError:
        raise InputError(f"{name} of text {number} is {_kind(given)}; {remedy}", number) from None
    return list(entries)


def _integer(given: Any, name: str, number: int) -> int:
    """Return an integer of Python, numpy or torch as one of Python; a truth value is refused."""
    if not isinstance(given, bool) and "bool" not in type(given).__name__:
        try:
            return operator.index(given)
        except TypeError:
            pass
    raise InputError(f"{name} is {_kind(given)}; give an integer", number)


def _kind(given: Any) -> str:
    """Return the type of a value with its article, and the value if it is a number."""
    if given is None:
        return "None"
    name = type(given).__name__
    article = "an" if name[0].lower() in "aeiou" and name[:4] != "User" else "a"
    if isinstance(given, int | float):
        # NaN and infinity are shown; of a larger number, Python may refuse to write the digits.
        is_short = abs(given) < 1e15 or given != given or abs(given) == math.inf
        shown = repr(given)[:SHOWN_LENGTH] if is_short else "…"
        return f"{article} {name} ({shown})"
    return f"{article} {name}"


def _remedy(given: Any, otherwise: str) -> str:
    """Return what to do with a value that is not a string."""
    if isinstance(given, bytes | bytearray | memoryview):
        return 'decode it: given.decode("utf-8")'
    if isinstance(given, UserString):
        return "convert it: str(given)"
    if isinstance(given, os.PathLike):
        return 'read the file: given.read_text(encoding="utf-8")'
    if given is None or _is_missing(given):
        return "leave it out, or give an empty string"
    if isinstance(given, list | tuple):
        return "give a flat list of strings; a text in words of your own goes into words"
    return otherwise


def _is_missing(given: Any) -> bool:
    """Return whether this is NaN, pandas' NA or NaT."""
    is_nan = isinstance(given, float) and math.isnan(given)
    return is_nan or type(given).__name__ in ("NAType", "NaTType")


def _field_names(given: Any) -> Any:
    """Return the names of the columns of a structured array of numpy."""
    return getattr(getattr(given, "dtype", None), "names", None)
