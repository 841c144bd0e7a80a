"""Say which kind of value a field of a request has, and which kind it should have."""

import math
from collections.abc import Mapping, Sequence

PIECE_IDS = "a list of piece ids"
# What each field should have: the field itself, its items, the items of its items, and so on.
IN_FIELDS: Mapping[str, Sequence[str]] = {
    "texts": ["a string or a list of strings", "a string"],
    "words": ["a list of lists of strings, one list for each text", "a list of strings"],
    "ids": ["a list of lists of piece ids, one list for each text", PIECE_IDS],
    "spans": [
        "a list of lists of spans, one list for each text",
        "a list of spans [begin, end)",
        "a span [begin, end)",
    ],
    "input": ["a string, a list of strings, a list of piece ids or a list of such lists"],
    "layers": ['a list of layer numbers, "all" or "context"', 'a layer number or "context"'],
    "mix": ["the name of a mix, or an object with weights or logits"],
}
# What pydantic expected, by the type of its error.
IN_GENERAL = {
    "list_type": "a list",
    "string_type": "a string",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "model_type": "an object",
    "model_attributes_type": "an object",
}


def is_of_kind(error_type: str) -> bool:
    """Return whether an error of this type is about the kind of a value."""
    return error_type in IN_GENERAL


def expected(steps: Sequence[int | str], error_type: str) -> str:
    """Return which kind of value is expected in a place.

    Args:
        steps: The steps to the place: a field and then numbers of items.
        error_type: What pydantic calls the error.
    """
    if not steps:
        return "one JSON object"
    in_field = IN_FIELDS.get(str(steps[0]), ())
    if len(steps) <= len(in_field):
        return in_field[len(steps) - 1]
    if steps[0] == "input" and error_type == "list_type":
        return PIECE_IDS
    return IN_GENERAL[error_type]


def kind(value: object) -> str:
    """Return the kind of a value as JSON calls it, without the value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int):
        return "a whole number"
    if isinstance(value, float):
        return "a number with a point" if math.isfinite(value) else "not a finite number"
    if isinstance(value, str):
        return "a string"
    return "a list" if isinstance(value, list) else "an object"
