"""Run both directions at once, each on its own thread with half of the caller's cores.

An LSTM reads a text piece by piece, and one piece is too little work to share between cores: they
would wait for each other after every piece. The two directions share nothing until both have read
the text (docs/decisions/0018 for training, 0036 for reading).
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, nullcontext
from functools import partial
from queue import SimpleQueue
from threading import Barrier, Thread
from typing import Any, TypeVar

import torch

Found = TypeVar("Found")


@contextmanager
def on_one_core() -> Iterator[int]:
    """Limit torch to one core while a block runs, and yield how many cores it used before.

    Run `side_by_side` inside such a block. A thread that has helped with an operation of the caller
    spins for milliseconds before it sleeps (so OpenMP is quick to start the next operation), and it
    spins on a core that one of the sides needs.
    """
    num_cores = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield num_cores
    finally:
        torch.set_num_threads(num_cores)


@contextmanager
def on_one_core_alone() -> Iterator[int]:
    """Do the work of `on_one_core`, but let threads that begin meanwhile have the caller's cores.

    A thread that begins takes the number that any thread set last, and keeps it.
    """
    with on_one_core() as num_cores:
        other = Thread(target=torch.set_num_threads, args=[num_cores], daemon=True)
        other.start()
        other.join()
        yield num_cores


@contextmanager
def cores_for(both_at_once: bool | None) -> Iterator[int | None]:
    """Yield how many cores read both directions at once; None if one is read after the other.

    Args:
        both_at_once: Whether they are read at once; None means that they are if the calling thread
            may use more than one core. The caller then has threads of its own, which keep their
            cores.
    """
    limited = on_one_core if both_at_once else on_one_core_alone
    if both_at_once is None:
        both_at_once = torch.get_num_threads() > 1
    with limited() if both_at_once else nullcontext() as num_cores:
        yield num_cores


def side_by_side(
    work: Callable[..., Found], sides: Iterable[tuple[Any, ...]], num_cores: int | None = None
) -> list[Found]:
    """Return what `itertools.starmap` would, but compute both sides at once.

    Args:
        work: The function to call. What torch keeps for each thread, such as the caller's autocast,
            does not apply to it.
        sides: The arguments of each side.
        num_cores: Number of cores for both sides together; None for those of the caller.
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

    Unlike the threads of the standard library's executors, they let the process end while one of
    them is stuck.
    """

    def __init__(self, num_cores: int) -> None:
        self._asked: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        begun = Barrier(3)
        for _ in range(2):
            arguments = [num_cores, begun]
            Thread(target=self._work, args=arguments, name="direction", daemon=True).start()
        begun.wait()
        # Threads that torch meets later use the number that was set last: make it the caller's.
        torch.set_num_threads(torch.get_num_threads())

    def starmap(self, work: Callable[..., Found], sides: Iterable[tuple[Any, ...]]) -> list[Found]:
        """Return the results of both sides; an error is raised only after both have ended."""
        answers: list[Future[Found]] = []
        for side in sides:
            answers.append(Future())
            self._asked.put((answers[-1], partial(work, *side)))
        wait(answers)
        return [answer.result() for answer in answers]

    def _work(self, num_cores: int, begun: Barrier) -> None:
        torch.get_num_threads()  # a thread's first call would undo a number set before it
        torch.set_num_threads(num_cores)
        begun.wait()
        while True:
            answer, work = self._asked.get()
            try:
                answer.set_result(work())
            except BaseException as error:  # the caller raises it
                answer.set_exception(error)
            del answer, work  # they would keep a batch in memory until the next one


# Idle pairs by the number of cores that each of their threads uses.
_idle: defaultdict[int, list[_Pair]] = defaultdict(list)
os.register_at_fork(after_in_child=_idle.clear)  # a fork does not copy threads
