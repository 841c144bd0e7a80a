"""What waits for the model, and what runs next: texts together, what takes steps one by one.

Texts of one width stand in one line: those of about one length end together, and none of a batch
waits for a much longer one. The oldest text of all always rides in the next micro-batch of texts,
so no width starves. What is answered in steps, a search or gates, never rides with texts, which
would wait for it. Where both wait, they take turns with micro-batches: neither starves the other.
"""

from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from typing import Generic, Protocol, TypeVar


class Waiting(Protocol):
    """A question that waits."""

    @property
    def width(self) -> int:
        """What it costs, in padded pieces."""
        ...

    @property
    def takes_turns(self) -> bool:
        """Whether it is answered in steps, and runs alone until its turn is over."""
        ...


Text = TypeVar("Text", bound=Waiting)


class Backlog(Generic[Text]):
    """What waits, counted in padded pieces."""

    def __init__(self) -> None:
        self._lines: dict[int, deque[tuple[int, Text]]] = {}
        self._stepped: deque[Text] = deque()
        self._turn_is_due = False
        self._arrivals = count()
        self.pieces = 0

    def __bool__(self) -> bool:
        return bool(self._lines or self._stepped)

    def add(self, texts: Iterable[Text]) -> None:
        """Put each at the end of its line."""
        for text in texts:
            if text.takes_turns:
                self._stepped.append(text)
            else:
                self._lines.setdefault(text.width, deque()).append((next(self._arrivals), text))
            self.pieces += text.width

    def take(self, max_pieces: int, is_wanted: Callable[[Text], bool]) -> list[Text]:
        """Remove and return the next micro-batch of texts, or what has the next turn.

        What is no longer wanted is dropped on the way, and there may be nothing left.
        """
        if self._stepped and (self._turn_is_due or not self._lines):
            self._turn_is_due = False
            return self._take_stepped(is_wanted)
        self._turn_is_due = True
        return self._take_texts(max_pieces, is_wanted)

    def clear(self) -> list[Text]:
        """Remove and return everything."""
        texts = [text for line in self._lines.values() for _, text in line] + [*self._stepped]
        self._lines.clear()
        self._stepped.clear()
        self.pieces = 0
        return texts

    def _take_stepped(self, is_wanted: Callable[[Text], bool]) -> list[Text]:
        while self._stepped:
            first = self._stepped.popleft()
            self.pieces -= first.width
            if is_wanted(first):
                return [first]
        return []

    def _take_texts(self, max_pieces: int, is_wanted: Callable[[Text], bool]) -> list[Text]:
        """The oldest text, then those of its width, then those of the nearest widths.

        Each in order of arrival, until max_pieces are full. A wider text than that runs alone.
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
