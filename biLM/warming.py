"""Prove shapes little by little, for callers who never call `Encoder.warm_up`.

Proving every shape takes seconds. Reading without it takes about three times as long for a single
text. So a call first proves shapes for at most as long as the calls before it took to read: who
reads once loses nothing, and who goes on reading soon reads fast.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from threading import Lock
from time import perf_counter

from biLM.inference import as_inference

Steps = Generator[None, None, None]


class Warming:
    """How far the proof has come, and how long it may go on."""

    def __init__(self) -> None:
        self._steps: Steps | None = None
        self._is_over = False
        self._earned_s = 0.0
        self._is_taken = Lock()

    @contextmanager
    def beside(self, prove: Callable[[], Steps]) -> Iterator[None]:
        """Go on with the proof, then measure how long the block reads.

        Args:
            prove: Returns the steps of the proof; see `Encoder.prove`.
        """
        if self._is_taken.acquire(blocking=False):  # else another thread is at it
            try:
                self._go_on(prove)
            finally:
                self._is_taken.release()
        begin = perf_counter()
        yield
        self._earned_s += perf_counter() - begin

    def end(self) -> None:
        """Leave the proof as it is, because there is nothing left to prove."""
        self._is_over, self._steps = True, None

    @as_inference
    def _go_on(self, prove: Callable[[], Steps]) -> None:
        begin, earned_s = perf_counter(), self._earned_s
        while not self._is_over and perf_counter() - begin < earned_s:
            # `warm_up` in another thread may take the steps away at any time.
            steps = self._steps = self._steps or prove()
            if next(steps, True):  # a step yields None
                self.end()
        self._earned_s -= perf_counter() - begin
