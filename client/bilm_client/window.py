"""Keep several conversations running, and hand out their answers in order.

It waits for nothing itself, so that threads and tasks use it alike:

    window = Window(conversations, start, in_flight, keeps)
    while window.fill():
        if window.has_next:
            yield window.take()
        else:
            ...  # wait until one of window.running is done
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

from bilm_client.conversation import Conversation

# Answers that wait for an earlier one, as a multiple of what runs at the same time.
KEPT, COLLECTED = 2, 64


class Running(Protocol):
    """A conversation that runs: a future of a thread, or a task."""

    def done(self) -> bool:
        """Return whether it has ended."""
        ...

    def cancelled(self) -> bool:
        """Return whether it was cancelled."""
        ...

    def exception(self) -> BaseException | None:
        """Return the exception it has ended with."""
        ...

    def result(self) -> Any:
        """Return its answer, or raise its exception."""
        ...

    def cancel(self, *_: Any) -> bool:
        """Keep it from starting."""
        ...


Future = TypeVar("Future", bound=Running)


class Window(Generic[Future]):
    """The conversations that run, and the answers that wait for earlier ones.

    Args:
        conversations: The conversations in order; each is taken when there is room for it.
        start: Starts a conversation.
        in_flight: How many run at the same time.
        keeps: Whether whoever reads gets each answer before a later failure is raised. If not, a
            failure is raised as soon as it is seen.
    """

    def __init__(
        self,
        conversations: Iterator[Conversation[Any]],
        start: Callable[[Conversation[Any]], Future],
        in_flight: int,
        keeps: bool,
    ) -> None:
        self._conversations = conversations
        self._start = start
        self._in_flight = in_flight
        self._keeps = keeps
        self._most = in_flight * (KEPT if keeps else COLLECTED)
        self._started: deque[Future] = deque()
        self._unseen: list[Future] = []
        self._is_read = False
        self._failure: Exception | None = None

    def fill(self) -> bool:
        """Start what there is room for, and return whether anything is left to wait for.

        Raises:
            Exception: whatever reading the caller's texts raised, after all answers before it; or
                why a conversation failed, unless answers are kept.
        """
        self._look()
        # Reading may take as long as the caller's source does, so an answer that is there goes
        # first where each is handed out as it comes.
        while not self._is_read and self._has_room() and not (self._keeps and self._has_answer()):
            try:
                conversation = next(self._conversations)
                self._look()
                if not self._is_read:
                    future = self._start(conversation)
                    self._started.append(future)
                    self._unseen.append(future)
            except StopIteration:
                self._is_read = True
            except Exception as error:  # whatever the caller's iterator raises
                if not self._keeps:
                    raise
                self._is_read = True
                self._failure = self._failure or error
        if not self._started and self._failure is not None:
            raise self._failure
        return bool(self._started)

    @property
    def has_next(self) -> bool:
        """Whether the next answer in order is there."""
        return self._started[0].done()

    def take(self) -> Any:
        """Return the next answer in order, or raise why there is none."""
        return self._started.popleft().result()

    @property
    def running(self) -> Sequence[Future]:
        """The conversations that had not ended when `fill` last looked.

        One that has ended since then is among them: whoever waited only for those that still run
        would miss its failure.
        """
        return self._unseen

    def cancel(self) -> None:
        """Keep from running what has not ended; no further failure is reported."""
        for future in self._started:
            if not future.cancel() and future.done() and not future.cancelled():
                future.exception()

    def _has_room(self) -> bool:
        num_running = sum(not future.done() for future in self._started)
        return len(self._started) < self._most and num_running < self._in_flight

    def _has_answer(self) -> bool:
        return bool(self._started) and self.has_next

    def _look(self) -> None:
        """Look for failures: start nothing more after one, and raise it unless answers are kept."""
        self._unseen = [future for future in self._started if not future.done()]
        for future in self._started:
            if not future.done() or future.cancelled():
                continue
            if future.exception() is not None:
                self._is_read = True
                if not self._keeps:
                    future.result()
            elif getattr(future.result(), "error", None) is not None:
                # An answer for the texts before a refused one; see `Answers`.
                self._is_read = True
