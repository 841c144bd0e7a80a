"""Turn the bytes of a request body into a validated model, or refuse them."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .errors import SHOWN_NAME_LENGTH, Details, RequestError
from .expected import expected, is_of_kind, kind
from .fields import FIELDS_OF_TEXTS, IDS, TAGS

# With more errors than this, a refusal names none of them: pydantic would write out every one.
MAX_ERRORS = 256
UTF8_MARK = b"\xef\xbb\xbf"
WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
# Which of the first four bytes are zero in JSON of UTF-16 and UTF-32, in either order of bytes.
WIDE_ZEROS = ((0, 1, 0, 1), (1, 0, 1, 0), (0, 1, 1, 1), (1, 1, 1, 0))
# The end of a key of an object. No name of a field ends with a backslash, so the ends of all fields
# match. Inside a text every quote follows a backslash; so besides keys only the quote that opens a
# text matches, if the text begins with a colon.
KEY_END = re.compile(rb'(?<!\\)"[ \t\r\n]*:')
STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
# The next key, or brace outside strings, of a JSON text, and what precedes it. Each match skips at
# most a thousand strings, because other threads can run only between two matches.
TOKEN = re.compile(
    rb'[^"{}]*+(?:' + STRING + rb'(?![ \t\r\n]*:)[^"{}]*+){0,1000}+'
    rb"(?:(?P<key>" + STRING + rb")[ \t\r\n]*:|(?P<brace>[{}]))?",
    re.DOTALL,
)
# The next list or object, and the strings that precede it; a match skips a thousand at most.
OPENING = re.compile(
    rb'[^"\[{]*+(?:' + STRING + rb'[^"\[{]*+){0,1000}+(?P<bracket>[\[{])?', re.DOTALL
)
# Pydantic made 1.3 million lists of a body of 4 MB in 2 to 5 seconds, in which no other thread ran.
# This many lists take about a tenth of a second.
MAX_LISTS = 50_000
PLACE = re.compile(r"(?P<found>.*) at line (?P<line>\d+) column (?P<column>\d+)", re.DOTALL)
SEE = "; see /docs for the fields and their values"

Model = TypeVar("Model", bound=BaseModel)


def parse(model: type[Model], body: bytes, max_lists: int = MAX_LISTS, see: str = SEE) -> Model:
    """Return the validated request that a body contains; a byte order mark before it is skipped.

    Args:
        model: What the body should contain.
        body: The bytes that were sent.
        max_lists: How many lists and objects it may have.
        see: The end of a refusal, which says where the fields are described.

    Raises:
        RequestError: invalid_json, invalid_unicode, validation_error or body_too_large.
    """
    body = body.removeprefix(UTF8_MARK)
    _refuse_many_lists(body, max_lists)
    try:
        request = model.model_validate_json(body)
    except ValidationError as error:
        if error.error_count() > MAX_ERRORS:
            raise RequestError(
                "validation_error",
                f"the body has {error.error_count()} fields that this path does not have{see}",
            ) from None
        first = error.errors(include_url=False)[0]
    else:
        _refuse_repeated_keys(body, request)
        return request
    raise _unreadable(body, first) if first["type"] == "json_invalid" else _invalid(first, see)


def _refuse_many_lists(body: bytes, limit: int) -> None:
    """Refuse a body that would become very many lists, before it becomes any.

    Raises:
        RequestError: body_too_large.
    """
    if body.count(b"[") + body.count(b"{") <= limit:  # also those in strings
        return
    number = 0
    for opening in OPENING.finditer(body):
        number += opening["bracket"] is not None
        if number > limit:
            raise RequestError(
                "body_too_large",
                f"the body has at least {number} lists and objects; the limit is {limit}",
                "send several requests",
                details=Details(limit=limit, actual=number, setting="max_request_pieces"),
            )
        if not opening[0]:  # a string that does not end, and so no JSON
            return


def _invalid(error: ErrorDetails, see: str) -> RequestError:
    """Return the refusal of a field, by the place of its first error."""
    steps = [step for number, step in enumerate(error["loc"]) if not (number and step in TAGS)]
    if error["type"] == "extra_forbidden":
        steps = steps[:1]  # a key inside a field may be a part of the caller's text
    if not steps:
        return RequestError("validation_error", f"the body: {_wrong(error, steps)}{see}")
    place = ".".join(str(step)[:SHOWN_NAME_LENGTH] for step in steps)
    param = str(steps[0])[:SHOWN_NAME_LENGTH]
    index, inside = _index_of_text(steps), steps[2:]
    if IDS in error["loc"]:  # a single list of piece ids is one text
        index, inside = 0, steps[1:]
    where = place if index is None else f"{param}: text {index}"
    item = f"item {inside[-1]}" if index is not None and inside else "it"
    return RequestError(
        "validation_error",
        f"{where}: {_wrong(error, steps, item)}{see}",
        param=param,
        details=Details(index, place if len(steps) > 1 else None),
    )


def _wrong(error: ErrorDetails, steps: Sequence[int | str], item: str = "it") -> str:
    """Return what is wrong with a value and what is expected; the value itself is not repeated."""
    if error["type"] == "too_short" and not error["ctx"]["actual_length"]:
        return "it is empty; send at least one item"
    if not is_of_kind(error["type"]):
        return error["msg"]
    return f"{item} is {kind(error['input'])}; send {expected(steps, error['type'])}"


def _index_of_text(steps: Sequence[int | str]) -> int | None:
    if len(steps) < 2 or steps[0] not in FIELDS_OF_TEXTS or not isinstance(steps[1], int):
        return None
    return steps[1]


def _refuse_repeated_keys(body: bytes, request: BaseModel) -> None:
    """Refuse a body in which an object has a key twice, of which pydantic has taken the last.

    A body with no more ends of keys than the request has fields cannot repeat a key.

    Raises:
        RequestError: validation_error.
    """
    ends = KEY_END.finditer(body)
    if next(islice(ends, _num_fields(request), None), None) is None:
        return
    if steps := _repeated_key(body):
        place = ".".join(steps)
        raise RequestError(
            "validation_error",
            f"{place}: the body has this key twice in one object; send it once",
            param=steps[0],
            details=Details(place=place if len(steps) > 1 else None),
        )


@dataclass
class _Object:
    """An object that is being read: the keys so far, and the last of them."""

    keys: set[str]
    key: str = ""


def _repeated_key(body: bytes) -> list[str]:
    """Return the path of keys to the first key that an object has twice; empty if none has."""
    objects: list[_Object] = []
    for token in TOKEN.finditer(body):
        if token["key"]:
            one = objects[-1]
            one.key = json.loads(token["key"])
            if one.key in one.keys:
                return [outer.key for outer in objects]
            one.keys.add(one.key)
        elif token["brace"] == b"{":
            objects.append(_Object(set()))
        elif token["brace"]:
            objects.pop()
    return []


def _num_fields(request: BaseModel) -> int:
    parts = (getattr(request, name) for name in request.model_fields_set)
    inside = sum(_num_fields(part) for part in parts if isinstance(part, BaseModel))
    return len(request.model_fields_set) + inside


def _unreadable(body: bytes, error: ErrorDetails) -> RequestError:
    if not body.strip():
        return RequestError("invalid_json", "the body is empty; send one JSON object")
    if body.startswith(WIDE_MARKS):
        return RequestError(
            "invalid_json",
            "the body begins with the byte order mark of UTF-16 or UTF-32; send UTF-8",
        )
    if tuple(not byte for byte in body[:4]) in WIDE_ZEROS:
        return RequestError("invalid_json", "the body is in UTF-16 or UTF-32; send UTF-8")
    found, where = _found(body, error)
    if _has_broken_characters(body):
        return RequestError(
            "invalid_unicode",
            f"the body has bytes that are not UTF-8, or half of a surrogate pair, {where}",
            "send whole characters in UTF-8",
        )
    return RequestError(
        "invalid_json",
        f"the body is not JSON: {found} {where}",
        "send one JSON object, with keys and strings in double quotes",
    )


def _found(body: bytes, error: ErrorDetails) -> tuple[str, str]:
    """Return what the parser reports, and where; the column counts characters, not bytes."""
    read = PLACE.fullmatch(error["ctx"]["error"])
    if read is None:
        return error["ctx"]["error"], "at an unknown place"
    number, column = int(read["line"]), int(read["column"])
    ends = (end.end() for end in re.finditer(b"\n", body))
    begin = next(islice(ends, number - 2, None)) if number > 1 else 0
    characters = len(body[begin : begin + column].decode(errors="replace"))
    # The parser expects a name such as null where a letter begins a value.
    found = read["found"].replace("expected ident", "expected a value")
    return found, f"at line {number}, column {max(1, characters)}"


def _has_broken_characters(body: bytes) -> bool:
    # json.loads accepts lone surrogates; encoding what it read as UTF-8 then fails.
    try:
        json.dumps(json.loads(body), ensure_ascii=False).encode()
    except UnicodeError:
        return True
    except (ValueError, RecursionError):
        pass
    return False
