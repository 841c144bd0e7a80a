"""Measure how long a call takes."""

import time
from collections.abc import Callable


def seconds_of(action: Callable[[], object]) -> float:
    """Return the wall-clock seconds of one call."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began
