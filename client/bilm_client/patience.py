"""Decide how long to wait before a request is repeated, and when to give up."""

import random
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

# Without Retry-After the waits double from the first to the longest.
FIRST_BACKOFF_S, MAX_BACKOFF_S = 0.5, 10.0
# A proxy may send Retry-After: 0; every wait counts this much, so that the retries come to an end.
MIN_WAIT_S = 0.1
# A wait is longer by a random part of this share, so that clients that were refused together do not
# come back together.
SPREAD = 0.25

# Processes that come from one by fork would draw equal numbers from the usual generator.
_draw = random.SystemRandom().random


class Patience:
    """How much time is left for the retries of one request, from its first failure on.

    Args:
        clock: Returns seconds; the attempts themselves take time as well.
        draw: Returns a random number of [0, 1).
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = _draw,
    ) -> None:
        self._clock = clock
        self._draw = draw
        self._began: float | None = None
        self._waited_s = 0.0
        self._waits = 0

    def next_wait_s(self, max_wait_s: float, named_s: float | None = None) -> float | None:
        """Return the seconds to wait before the next attempt; None if it is time to give up.

        Args:
            max_wait_s: Seconds that all retries of the request may take.
            named_s: The wait that the service named; None if it named none.
        """
        left_s = max_wait_s - self.spent_s()
        if named_s is None:
            longest = min(FIRST_BACKOFF_S * 2.0 ** min(self._waits, 9), MAX_BACKOFF_S)
            wait_s = longest * (1 + self._draw()) / 2
            if left_s < MIN_WAIT_S:
                return None
        else:
            least = max(named_s, MIN_WAIT_S)
            wait_s = least * (1 + SPREAD * self._draw())
            if least > left_s:
                return None
        wait_s = min(wait_s, left_s)
        self._waits += 1
        self._waited_s += wait_s
        return wait_s

    def spent_s(self) -> float:
        """Return the seconds since the first failure, which is the first call."""
        if self._began is None:
            self._began = self._clock()
        return max(self._waited_s, self._clock() - self._began)

    @property
    def num_waits(self) -> int:
        """How often the request was repeated."""
        return self._waits


def named_wait_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that Retry-After names, be it as a number or as a date; None without."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    then = _seconds_of_date(value)
    if then is None:
        return None
    # The service's own clock decides, because that of the caller may be wrong.
    now = _seconds_of_date(headers.get("Date", ""))
    return max(then - (time.time() if now is None else now), 0.0)


def _seconds_of_date(value: str) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):  # no date, or one out of range
        return None
