"""Both directions at once, each on a thread of its own with half of the caller's cores.

An LSTM reads a text piece by piece, and one piece is too little work to be shared between cores:
they would wait for each other after every one. Two directions share nothing until both have read
(docs/decisions/0018 for training, 0036 for reading).
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from threading import Barrier, Thread
from typing import Any, TypeVar

import torch

Found = TypeVar("Found")


@contextmanager
def on_one_core() -> Iterator[int]:
    """Compute on one core around what runs side by side; the value is the cores there were.

    A thread that has helped with an operation of the caller turns in a loop for milliseconds before
    it sleeps (OpenMP's way to be quick at the next one), on a core that a side needs.
    """
    num_cores = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield num_cores
    finally:
        torch.set_num_threads(num_cores)


def side_by_side(
    work: Callable[..., Found], sides: Iterable[tuple[Any, ...]], num_cores: int | None = None
) -> list[Found]:
    """What `itertools.starmap` returns, both sides at once.

    Args:
        work: Runs without what torch keeps for each thread, such as the caller's autocast.
        sides: The arguments of either side.
        num_cores: Of both together; None for those of the caller.
    """
    num_cores = max(1, (num_cores or torch.get_num_threads()) // 2)
    try:
        pair = _idle[num_cores].pop()
    except IndexError:
        pair = _Pair(num_cores)
    try:
        return pair.starmap(work, sides)
    finally:
        _idle[num_cores].append(pair)


class _Pair:
    """Two threads that work for one caller at a time.

    Unlike those of an executor of the standard library they let the process end while one is stuck.
    """

    def __init__(self, num_cores: int) -> None:
        self._asked: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        begun = Barrier(3)
        for _ in range(2):
            arguments = [num_cores, begun]
            Thread(target=self._work, args=arguments, name="direction", daemon=True).start()
        begun.wait()
        # A thread that torch meets later takes the number set last: let that be the caller's.
        torch.set_num_threads(torch.get_num_threads())

    def starmap(self, work: Callable[..., Found], sides: Iterable[tuple[Any, ...]]) -> list[Found]:
        """The results of both sides; if one fails, not before the other has ended."""
        answers: list[Future[Found]] = []
        for side in sides:
            answers.append(Future())
            self._asked.put((answers[-1], partial(work, *side)))
        wait(answers)
        return [answer.result() for answer in answers]

    def _work(self, num_cores: int, begun: Barrier) -> None:
        torch.get_num_threads()  # the first call in a thread undoes what was set before it
        torch.set_num_threads(num_cores)
        begun.wait()
        while True:
            answer, work = self._asked.get()
            try:
                answer.set_result(work())
            except BaseException as error:  # it is the caller's
                answer.set_exception(error)
            del answer, work  # or a batch would be kept until the next one


_idle: defaultdict[int, list[_Pair]] = defaultdict(list)  # by the cores of each thread
os.register_at_fork(after_in_child=_idle.clear)  # threads stay with the parent
