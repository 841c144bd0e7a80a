"""Show how far a run has come: a bar on a terminal, and at most ten lines anywhere else."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from biLM.bulk.parts import Advance
from biLM.bulk.sources import Source

TENTHS = 10


@contextmanager
def shown(source: Source) -> Iterator[Advance]:
    """Yield what shows the progress of a run over the source on standard error."""
    if not sys.stderr.isatty():
        yield Lines(source.size, sys.stderr.write)
        return
    from tqdm import tqdm

    with tqdm(total=source.size, unit=source.unit, unit_scale=True, desc="embedding") as bar:
        rate = Rate(source.size)

        def advance(units: int, texts: int) -> None:
            rate.add(units, texts)
            if texts:
                bar.set_postfix_str(f"{rate.texts:,} texts, {rate.texts_per_s:,.0f}/s", False)
                bar.update(units)
            else:  # an earlier run did this, so it says nothing about the speed
                bar.initial = bar.n = bar.n + units

        yield advance
        bar.update(bar.total - bar.n)  # blank lines may follow the last text


class Rate:
    """Computes the speed of a run, and the time that it will take.

    Args:
        size: The size of the source, in its units.
        clock: Returns the time in seconds.
    """

    def __init__(self, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._size, self._clock, self._begin = size, clock, clock()
        self._skipped = self._units = self.texts = 0

    def add(self, units: int, texts: int) -> None:
        """Count what has been embedded; units without texts were embedded by an earlier run."""
        self.texts += texts
        if texts:
            self._units += units
        else:
            self._skipped += units

    @property
    def share(self) -> float:
        """The share of the source that has been embedded, by earlier runs as well."""
        return (self._skipped + self._units) / max(self._size, 1)

    @property
    def texts_per_s(self) -> float:
        """Texts per second of this run."""
        return self.texts / max(self._clock() - self._begin, 1e-9)

    @property
    def remaining_s(self) -> float:
        """Seconds that the rest takes if the speed stays as it is."""
        rest = self._size - self._skipped - self._units
        return (self._clock() - self._begin) * rest / max(self._units, 1)


class Lines:
    """Writes a line each time that another tenth of the source has been embedded.

    Args:
        size: The size of the source, in its units.
        write: Writes a text.
        clock: Returns the time in seconds.
    """

    def __init__(
        self,
        size: int,
        write: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate, self._write = Rate(size, clock), write
        self._tenths = 0

    def __call__(self, units: int, texts: int) -> None:
        """Count what has been embedded, and write a line if it is due."""
        rate = self._rate
        rate.add(units, texts)
        tenths = int(rate.share * TENTHS)
        if tenths > self._tenths and texts:
            self._write(
                f"biLM: {tenths * TENTHS} %, {rate.texts:,} texts, {rate.texts_per_s:,.0f} texts/s,"
                f" {_time(rate.remaining_s)} left\n"
            )
        self._tenths = max(tenths, self._tenths)


def _time(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
