"""What waits for the model, and what runs next: texts together, what takes steps one by one.

Texts of one width stand in one line: those of about one length end together, and none of a batch
waits for a much longer one. The oldest text of all always rides in the next micro-batch of texts,
so no width starves. What is answered in steps, a search or gates, never rides with texts, which
would wait for it. Where both wait, whichever has had less of the threads' time goes next, so each
has half of it.
"""

from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from typing import Generic, Protocol, TypeVar


class Waiting(Protocol):
    """A question that waits."""

    @property
    def width(self) -> int:
        """Its padded pieces in a micro-batch; 0 if it takes turns."""
        ...

    @property
    def seconds(self) -> float:
        """What is left of it costs a thread so many seconds."""
        ...

    @property
    def takes_turns(self) -> bool:
        """Whether it is answered in steps, and runs alone until its turn is over."""
        ...


Text = TypeVar("Text", bound=Waiting)


class Backlog(Generic[Text]):
    """What waits.

    Attributes:
        pieces: Padded pieces of the texts.
        seconds: What waits costs a thread, of texts (False) and of what takes turns (True).
    """

    def __init__(self) -> None:
        self._lines: dict[int, deque[tuple[int, Text]]] = {}
        self._stepped: deque[Text] = deque()
        self._arrivals = count()
        # Start-time fair queueing: each kind has a clock of the time that it had of the threads.
        self._had = {False: 0.0, True: 0.0}
        self._now = 0.0  # what the clock of the kind that was last taken showed
        self.pieces = 0
        self.seconds = {False: 0.0, True: 0.0}

    def __bool__(self) -> bool:
        return bool(self._lines or self._stepped)

    def add(self, texts: Iterable[Text], are_put_back: bool = False) -> None:
        """Put each at the end of its line.

        Args:
            texts: What waits from now on.
            are_put_back: Whether they only wait for another turn.
        """
        for text in texts:
            kind = text.takes_turns
            if not are_put_back and not self._waiting(kind):
                self._had[kind] = max(self._had[kind], self._now)  # who was away saves nothing up
            if text.takes_turns:
                self._stepped.append(text)
            else:
                self._lines.setdefault(text.width, deque()).append((next(self._arrivals), text))
            self.pieces += text.width
            self.seconds[text.takes_turns] += text.seconds

    def take(self, max_pieces: int, is_wanted: Callable[[Text], bool]) -> list[Text]:
        """Remove and return the next micro-batch of texts, or what has the next turn.

        What is no longer wanted is dropped on the way, and there may be nothing left.
        """
        both_wait = bool(self._lines and self._stepped)
        takes_turns = self._had[True] < self._had[False] if both_wait else not self._lines
        self._now = self._had[takes_turns]
        if takes_turns:
            return self._take_stepped(is_wanted)
        return self._take_texts(max_pieces, is_wanted)

    def has_run(self, takes_turns: bool, seconds: float) -> None:
        """Count the time that a thread spent on texts, or on what takes turns."""
        self._had[takes_turns] += seconds

    def _waiting(self, takes_turns: bool) -> bool:
        return bool(self._stepped if takes_turns else self._lines)

    def clear(self) -> list[Text]:
        """Remove and return everything."""
        texts = [text for line in self._lines.values() for _, text in line] + [*self._stepped]
        self._lines.clear()
        self._stepped.clear()
        self.pieces, self.seconds = 0, {False: 0.0, True: 0.0}
        return texts

    def _take_stepped(self, is_wanted: Callable[[Text], bool]) -> list[Text]:
        while self._stepped:
            first = self._stepped.popleft()
            self._leaves(first)
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
        self._leaves(text)
        return text

    def _leaves(self, text: Text) -> None:
        self.pieces -= text.width
        left = self._stepped if text.takes_turns else self._lines
        seconds = self.seconds[text.takes_turns] - text.seconds
        self.seconds[text.takes_turns] = seconds if left else 0.0  # whatever rounding left over
