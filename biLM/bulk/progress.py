"""Show how far a run has come: a bar on a terminal, and at most ten lines anywhere else."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from biLM.bulk.parts import Advance
from biLM.bulk.sources import Source
from biLM.counted import counted

TENTHS = 10
# The bar's own estimate of the time left counts the time in which encoders are loaded.
BAR = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{unit} [{elapsed}{postfix}]"


@contextmanager
def shown(source: Source) -> Iterator[Advance]:
    """Yield what shows the progress of a run over the source on standard error."""
    if not sys.stderr.isatty():
        yield Lines(source.size, sys.stderr.write)
        return
    from tqdm import tqdm

    with tqdm(
        total=source.size, unit=source.unit, unit_scale=True, desc="embedding", bar_format=BAR
    ) as bar:
        rate = Rate(source.size)

        def advance(units: int, texts: int) -> None:
            rate.add(units, texts)
            if texts:
                bar.set_postfix_str(str(rate), refresh=False)
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
        self._size, self._clock = size, clock
        self._skipped = self._units = self.texts = 0
        # The speed is measured from here on: first from the start, then from the first report,
        # which comes after the encoders were loaded.
        self._since = (clock(), 0, 0)
        self._first: tuple[float, int, int] | None = None

    def add(self, units: int, texts: int) -> None:
        """Count what has been embedded; units without texts were embedded by an earlier run."""
        if not texts:
            self._skipped += units
            return
        self._since = self._first or self._since
        self.texts += texts
        self._units += units
        self._first = self._first or (self._clock(), units, texts)

    @property
    def share(self) -> float:
        """The share of the source that has been embedded, by earlier runs as well."""
        return (self._skipped + self._units) / max(self._size, 1)

    @property
    def texts_per_s(self) -> float:
        """Texts per second of this run."""
        return (self.texts - self._since[2]) / self._elapsed_s

    @property
    def remaining_s(self) -> float:
        """Seconds that the rest takes if the speed stays as it is."""
        rest = self._size - self._skipped - self._units
        return self._elapsed_s * rest / max(self._units - self._since[1], 1)

    def __str__(self) -> str:
        speed = f"{self.texts_per_s:,.0f}" if self.texts_per_s >= 10 else f"{self.texts_per_s:.1f}"
        return f"{counted(self.texts, 'text')}, {speed} texts/s, {_time(self.remaining_s)} left"

    @property
    def _elapsed_s(self) -> float:
        return max(self._clock() - self._since[0], 1e-9)


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
            self._write(f"biLM: {tenths * TENTHS} %, {rate}\n")
        self._tenths = max(tenths, self._tenths)


def _time(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
