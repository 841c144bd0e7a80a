"""Both directions at once, each on a thread of its own with half of the caller's cores.

An LSTM reads a text piece by piece, and one piece is too little work to be shared between cores:
they would wait for each other after every one. Two directions share nothing until both have read
(docs/decisions/0018 for training, 0036 for reading).
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import torch

Found = TypeVar("Found")


def side_by_side(work: Callable[..., Found], sides: Iterable[tuple[Any, ...]]) -> list[Found]:
    """What `itertools.starmap` returns, both sides at once.

    Args:
        work: Runs without what torch keeps for each thread, such as the caller's autocast.
        sides: The arguments of either side.
    """
    threads = _two_threads(max(1, torch.get_num_threads() // 2))
    return list(threads.map(lambda side: work(*side), sides))


@cache
def _two_threads(num_cores: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2, "direction", torch.set_num_threads, (num_cores,))


os.register_at_fork(after_in_child=_two_threads.cache_clear)  # threads stay with the parent
