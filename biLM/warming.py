"""Prove shapes little by little, for callers who never call `Encoder.warm_up`.

Proving every shape takes seconds; before that, a single text takes about three times as long to
read. So a call first proves some shapes, until the time spent on proofs has reached the time that
earlier calls took to read. A program that reads once loses nothing by this, and one that goes on
reading soon reads fast.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from threading import Lock
from time import perf_counter

from biLM.inference import as_inference

Steps = Generator[None, None, None]


class Warming:
    """The state of the proof, and the time that it may still take."""

    def __init__(self) -> None:
        self._steps: Steps | None = None
        self._is_over = False
        self._earned_s = 0.0
        self._is_taken = Lock()

    @contextmanager
    def beside(self, prove: Callable[[], Steps]) -> Iterator[None]:
        """Continue the proof for as long as it may take, then measure how long the block reads.

        Args:
            prove: Returns the steps of the proof; see `Encoder.prove`.
        """
        if self._is_taken.acquire(blocking=False):  # otherwise, another thread is proving
            try:
                self._go_on(prove)
            finally:
                self._is_taken.release()
        begin = perf_counter()
        yield
        self._earned_s += perf_counter() - begin

    def end(self) -> None:
        """End the proof, because there is nothing left to prove."""
        self._is_over, self._steps = True, None

    @as_inference
    def _go_on(self, prove: Callable[[], Steps]) -> None:
        begin, earned_s = perf_counter(), self._earned_s
        while not self._is_over and perf_counter() - begin < earned_s:
            # `warm_up` in another thread may call `end` at any time, which sets `_steps` to None.
            steps = self._steps = self._steps or prove()
            if next(steps, True):  # True once the steps have ended; each of them yields None
                self.end()
        self._earned_s -= perf_counter() - begin
