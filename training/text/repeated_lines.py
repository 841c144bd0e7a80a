"""Recognise lines that stand in many files: menus, notices, what surrounds each article of a site.

The counts are bounded: whenever there are too many, the rarest lines are forgotten, which can only
make a line count less than it occurred (Manku and Motwani 2002, "Approximate frequency counts over
data streams").
"""

import hashlib
from collections.abc import Iterable, Iterator

from .markdown import Dropped
from .summary import shortened

REPEATED = "lines that many files repeat removed"
# A line of an article may stand in some others by chance.
LEAST_FILES = 10
# What surrounds the articles of a site stands in more than one of this many files.
LEAST_ONE_IN = 20
# This many counts take about 30 MB.
MAX_COUNTS = 200_000


class RepeatedLines:
    """Counts the files that each line stands in.

    Args:
        dropped: A function that is called for each line that is removed.
    """

    def __init__(self, dropped: Dropped) -> None:
        self._dropped = dropped
        self._files = 0
        self._counts: dict[bytes, int] = {}

    def kept(self, lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
        """Yield the lines of one file, except for those that many earlier files have."""
        self._files += 1
        least = max(LEAST_FILES, self._files / LEAST_ONE_IN)
        own: set[bytes] = set()
        for number, line in lines:
            digest = hashlib.blake2b(line.encode(), digest_size=8).digest()
            if line and self._counts.get(digest, 0) >= least:
                self._dropped(REPEATED, shortened(line, 40), 1)
                line = ""
            if len(own) < MAX_COUNTS:
                own.add(digest)
            yield number, line
        self._count(own)

    def _count(self, own: set[bytes]) -> None:
        for digest in own:
            self._counts[digest] = self._counts.get(digest, 0) + 1
        rarest = 1
        while len(self._counts) > MAX_COUNTS:
            self._counts = {key: count for key, count in self._counts.items() if count > rarest}
            rarest += 1
