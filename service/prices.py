"""Keep the price of work in seconds: measured at the start, then learned from what runs.

Work of each kind is counted in units of its own, such as padded pieces or steps. The price of a
unit follows the seconds that units of its kind have taken lately. So a busy moment at the start is
soon forgotten, and a machine that has become slower is noticed.
"""

import math
import threading
from collections.abc import Mapping
from typing import Generic, TypeVar

# After this many seconds of work of a kind, its older price counts half.
HALF_LIFE_S = 3.0

Kind = TypeVar("Kind")


class Prices(Generic[Kind]):
    """The price of a unit of each kind of work. Any thread may read and change them.

    Args:
        first: The first price of each kind, in seconds a unit.
    """

    def __init__(self, first: Mapping[Kind, float]) -> None:
        self._lock = threading.Lock()
        self._of = dict(first)

    def of(self, kind: Kind) -> float:
        """Return the seconds that a unit of a kind takes."""
        return self._of[kind]

    def seconds(self, work: Mapping[Kind, float]) -> float:
        """Return the seconds that some work takes, given its units of each kind."""
        return sum(units * self._of[kind] for kind, units in work.items())

    def set(self, kind: Kind, price: float) -> None:
        """Forget what was learned of a kind."""
        with self._lock:
            self._of[kind] = price

    def learn(self, kind: Kind, units: float, seconds: float) -> None:
        """Move the price of a kind towards what some units of it have just taken.

        The average is taken of the logarithm, so that a price ten times too high is corrected as
        fast as one ten times too low.
        """
        if units <= 0 or seconds <= 0:
            return
        weight = 1 - 0.5 ** (seconds / HALF_LIFE_S)
        with self._lock:
            self._of[kind] *= math.exp(weight * math.log(seconds / units / self._of[kind]))
