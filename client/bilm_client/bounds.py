"""Check the numbers that a client is made with."""

import operator
import threading
from typing import Any

import numpy as np

from bilm_client.errors import InputError

NUMBERS = (int, float, np.integer, np.floating)
# No lock and no socket can wait longer than this many seconds.
LONGEST_S = threading.TIMEOUT_MAX


def seconds(given: Any, name: str, *, takes_zero: bool = False) -> float:
    """Return a time to wait.

    Raises:
        InputError: it is not a number, or is one that cannot be waited for; see LONGEST_S.
    """
    least = "0" if takes_zero else "above 0"
    rule = f"it must be a number of seconds from {least} to {LONGEST_S:.0f}"
    if isinstance(given, bool) or not isinstance(given, NUMBERS):
        raise InputError(f"{name} is of type {type(given).__name__}; {rule}")
    if not 0 <= given <= LONGEST_S or (given == 0 and not takes_zero):
        raise InputError(f"{name} is {_shown(given)}; {rule}")
    return float(given)


def at_least_one(given: Any, name: str) -> int:
    """Return a number of things.

    Raises:
        InputError: it is not an integer, or is less than 1.
    """
    rule = "it must be an integer of at least 1"
    if isinstance(given, bool) or not hasattr(given, "__index__"):
        raise InputError(f"{name} is of type {type(given).__name__}; {rule}")
    number = operator.index(given)
    if number < 1:
        raise InputError(f"{name} is {_shown(number)}; {rule}")
    return number


def _shown(number: Any) -> str:
    """Return a number, but not the digits of an enormous one."""
    try:
        return f"{float(number):g}"
    except OverflowError:
        return "beyond any float"
