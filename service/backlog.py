"""Keep what waits for the model, and choose what runs next: a batch of texts, or one question.

Texts of one width stand in one line: those of about one length end together, and none of a batch
waits for a much longer one. A text is due when a thread that had only its request to answer would
come to it, so a small request need not wait for the last text of a large one. The text that is due
first always rides in the next micro-batch. So no width starves, and no request: whoever comes after
a text was due is due later.

A question that is answered in steps never shares a batch with texts, which would wait for it.
Searches take turns with each other. A long text, whose representations take much memory, is read to
its end before the next one is begun, but batches and searches have their turns in between.

The time of the threads has a share for batches, one for long texts and one for searches. The share
that has had least goes next, so all shares that have something waiting get the same time.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable
from itertools import chain, count
from typing import Generic, Protocol, TypeVar

from .costs import SHARES, Share


class Waiting(Protocol):
    """A question that waits."""

    @property
    def width(self) -> int:
        """The padded pieces that it adds to a micro-batch; 0 if it is answered in steps."""
        ...

    @property
    def batch_share(self) -> float:
        """The room it takes in a micro-batch, in padded pieces; 0 if it is answered in steps."""
        ...

    @property
    def seconds(self) -> float:
        """The seconds that a thread needs for what is left of it."""
        ...

    @property
    def share(self) -> Share:
        """The share of the threads' time in which it is answered."""
        ...


Text = TypeVar("Text", bound=Waiting)


class Backlog(Generic[Text]):
    """The questions that wait.

    Attributes:
        pieces: Padded pieces of the texts that wait for a batch.
        batch_share: The room that these texts take in batches, in padded pieces.
        seconds: The seconds that a thread needs for all that waits, by share.
    """

    def __init__(self) -> None:
        # By width: heaps of when a text is due, its number in the order of arrival, and the text.
        self._lines: dict[int, list[tuple[float, int, Text]]] = {}
        self._stepped: dict[Share, deque[Text]] = {"long texts": deque(), "searches": deque()}
        self._arrivals = count()
        # Start-time fair queueing: each share has a clock of the time that it had of the threads.
        self._had = dict.fromkeys(SHARES, 0.0)
        self._now = 0.0  # what the clock of the share that was last taken showed
        self._forget_sums()

    def __bool__(self) -> bool:
        return any(map(self._waits, SHARES))

    def add(self, texts: Iterable[Text], now: float = 0.0, are_put_back: bool = False) -> None:
        """Let the questions of one request wait.

        Args:
            texts: The questions.
            now: The time, in seconds.
            are_put_back: Whether they have had a turn already and wait for another one.
        """
        due = now
        for text in texts:
            share = text.share
            if not are_put_back and not self._waits(share):
                # A share in which nothing waited does not save up the time that it did not use.
                self._had[share] = max(self._had[share], self._now)
            if share == "batches":
                line = self._lines.setdefault(text.width, [])
                heapq.heappush(line, (due, next(self._arrivals), text))
                due += text.seconds
            elif share == "long texts" and are_put_back:
                self._stepped[share].appendleft(text)
            else:
                self._stepped[share].append(text)
            self.pieces += text.width
            self.batch_share += text.batch_share
            self.seconds[share] += text.seconds

    def take(self, max_pieces: float, is_wanted: Callable[[Text], bool]) -> list[Text]:
        """Remove and return the next micro-batch of texts, or the question that has the next turn.

        Questions that are no longer wanted are dropped on the way, so the list may be empty.
        """
        waiting = [share for share in SHARES if self._waits(share)]
        if not waiting:
            return []
        share = min(waiting, key=self._had.__getitem__)
        self._now = self._had[share]
        if share == "batches":
            return self._take_texts(max_pieces, is_wanted)
        return self._take_stepped(self._stepped[share], is_wanted)

    def has_run(self, share: Share, seconds: float) -> None:
        """Count the time that a thread spent on a share."""
        self._had[share] += seconds

    def _waits(self, share: Share) -> bool:
        return bool(self._lines if share == "batches" else self._stepped[share])

    def _forget_sums(self) -> None:
        self.pieces, self.batch_share = 0, 0.0
        self.seconds = dict.fromkeys(SHARES, 0.0)

    def clear(self) -> list[Text]:
        """Remove and return everything."""
        texts = [text for line in self._lines.values() for *_, text in line]
        texts += chain.from_iterable(self._stepped.values())
        self._lines.clear()
        for waiting in self._stepped.values():
            waiting.clear()
        self._forget_sums()
        return texts

    def _take_stepped(self, waiting: deque[Text], is_wanted: Callable[[Text], bool]) -> list[Text]:
        while waiting:
            first = waiting.popleft()
            self._leaves(first)
            if is_wanted(first):
                return [first]
        return []

    def _take_texts(self, max_pieces: float, is_wanted: Callable[[Text], bool]) -> list[Text]:
        """Return the text that is due first, then others of its width, then of the nearest widths.

        Within a width, the text that is due first comes first. A text that does not fit into the
        rest of max_pieces ends its width, and the next width is tried. A text that exceeds
        max_pieces by itself runs alone.
        """
        for width in list(self._lines):
            while width in self._lines and not is_wanted(self._lines[width][0][-1]):
                self._leave(width)
        batch: list[Text] = []
        room = max_pieces
        for width in self._nearest_to_first():
            while width in self._lines:
                takes = self._lines[width][0][-1].batch_share
                if batch and takes > room:
                    break
                text = self._leave(width)
                if is_wanted(text):
                    batch.append(text)
                    room -= takes
        return batch

    def _nearest_to_first(self) -> list[int]:
        first = min(self._lines, key=lambda width: self._lines[width][0][:2], default=0)
        return sorted(self._lines, key=lambda width: (abs(width - first), width))

    def _leave(self, width: int) -> Text:
        line = self._lines[width]
        *_, text = heapq.heappop(line)
        if not line:
            del self._lines[width]
        self._leaves(text)
        return text

    def _leaves(self, text: Text) -> None:
        share, is_waiting = text.share, self._waits(text.share)
        self.pieces -= text.width
        # Where nothing waits, whatever rounding left over is forgotten.
        if share == "batches":
            self.batch_share = self.batch_share - text.batch_share if is_waiting else 0.0
        self.seconds[share] = self.seconds[share] - text.seconds if is_waiting else 0.0
