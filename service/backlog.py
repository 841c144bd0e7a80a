"""Texts that wait for the model, and which of them run together next.

Texts of one width stand in one line: those of about one length end together, and none of a batch
waits for a much longer one. The oldest text of all always rides in the next micro-batch, so no
width starves.
"""

from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from typing import Generic, Protocol, TypeVar


class Waiting(Protocol):
    """A text that waits."""

    @property
    def width(self) -> int:
        """Its padded pieces."""
        ...


Text = TypeVar("Text", bound=Waiting)


class Backlog(Generic[Text]):
    """Waiting texts, counted in padded pieces."""

    def __init__(self) -> None:
        self._lines: dict[int, deque[tuple[int, Text]]] = {}
        self._arrivals = count()
        self.pieces = 0

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, texts: Iterable[Text]) -> None:
        """Put texts at the end of their lines."""
        for text in texts:
            self._lines.setdefault(text.width, deque()).append((next(self._arrivals), text))
            self.pieces += text.width

    def take(self, max_pieces: int, is_wanted: Callable[[Text], bool]) -> list[Text]:
        """Remove and return the next micro-batch; texts no longer wanted are dropped on the way.

        The oldest text comes first, then those of its width, then those of the nearest widths,
        each in order of arrival, until max_pieces are full. A wider text than that runs alone.
        """
        for width in list(self._lines):
            while width in self._lines and not is_wanted(self._lines[width][0][1]):
                self._leave(width)
        batch: list[Text] = []
        room = max_pieces
        for width in self._nearest_to_oldest():
            while width in self._lines and (width <= room or not batch):
                text = self._leave(width)
                if is_wanted(text):
                    batch.append(text)
                    room -= width
        return batch

    def clear(self) -> list[Text]:
        """Remove and return everything."""
        texts = [text for line in self._lines.values() for _, text in line]
        self._lines.clear()
        self.pieces = 0
        return texts

    def _nearest_to_oldest(self) -> list[int]:
        oldest = min(self._lines, key=lambda width: self._lines[width][0][0], default=0)
        return sorted(self._lines, key=lambda width: (abs(width - oldest), width))

    def _leave(self, width: int) -> Text:
        line = self._lines[width]
        _, text = line.popleft()
        if not line:
            del self._lines[width]
        self.pieces -= width
        return text
