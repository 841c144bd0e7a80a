"""A helper thread of the service, what waits for it, and what its work costs.

One thread cuts texts into pieces and another writes answers, so that neither holds up the event
loop. What waits is counted in seconds, at a price a byte that follows what runs.
"""

import asyncio
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Final, Literal, ParamSpec, TypeVar

from .errors import Details, RequestError
from .prices import Prices

# To cut Chinese into pieces takes about as long. To write JSON numbers or base64 takes less.
FIRST_S_A_BYTE = 0.5e-6
BYTES: Final[Literal["bytes"]] = "bytes"

P = ParamSpec("P")
T = TypeVar("T")


class Stage:
    """One thread. Made and called on the event loop.

    Args:
        name: The name of the thread.
        max_queue_s: The work that may wait, in seconds; beyond it, further work is refused.

    Attributes:
        waiting_s: The seconds that the thread needs for what waits and what runs.
    """

    def __init__(self, name: str, max_queue_s: float = math.inf) -> None:
        self._thread = ThreadPoolExecutor(1, name)
        self._loop = asyncio.get_running_loop()
        self._max_queue_s = max_queue_s
        self._prices = Prices({BYTES: FIRST_S_A_BYTE})
        self.waiting_s = 0.0

    async def run(
        self, num_bytes: int, function: Callable[P, T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Return what the function returns on the thread. If cancelled in time, it is not called.

        Args:
            num_bytes: How many bytes it reads or writes.
            function: The work.
            *arguments: Its arguments.
            **named: Its named arguments.

        Raises:
            RequestError: overloaded, if too much is waiting.
        """
        seconds = num_bytes * self._prices.of(BYTES)
        self._refuse_beyond_limit(seconds)

        def work() -> T:
            begin = perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self._prices.learn(BYTES, num_bytes, perf_counter() - begin)

        self.waiting_s += seconds
        submitted = self._thread.submit(work)
        submitted.add_done_callback(lambda _: self._call_loop(self._leaves, seconds))
        return await asyncio.wrap_future(submitted)

    def close(self) -> None:
        """Call nothing that has not begun."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _refuse_beyond_limit(self, seconds: float) -> None:
        expected = self.waiting_s + seconds
        if self.waiting_s and expected > self._max_queue_s:  # an idle thread takes anything
            wait_s = math.ceil(min(self.waiting_s, expected - self._max_queue_s))
            raise RequestError(
                "overloaded",
                f"texts of {self.waiting_s:.1f} s are waiting to be cut into pieces, and the"
                f" request adds {seconds:.1f} s; the queue holds {self._max_queue_s:g} s; send it"
                f" again in {wait_s} s",
                details=Details(
                    limit=self._max_queue_s, actual=round(expected, 3), setting="max_queue_s"
                ),
                retry_after_s=wait_s,
            )

    def _leaves(self, seconds: float) -> None:
        self.waiting_s = max(0.0, self.waiting_s - seconds)

    def _call_loop(self, function: Callable[[float], None], seconds: float) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, seconds)
