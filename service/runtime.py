"""A running service: its model, its helper threads, and whether it takes requests."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from time import monotonic

from .batcher import Batcher, worker_dead
from .byte_budget import ByteBudget
from .engine import Engine
from .errors import RequestError
from .metrics import Metrics
from .places import Places
from .settings import Settings
from .stage import Stage

# A start takes about as long, and a replica that ends is listed about as long.
RETRY_S = 5


class Runtime:
    """The state that all requests of one process share. It is made on the event loop.

    Args:
        settings: Limits.
        load: Makes the engine; called on the first inference thread.
        metrics: Record what happens to requests and batches.
    """

    def __init__(self, settings: Settings, load: Callable[[], Engine], metrics: Metrics) -> None:
        self.settings = settings
        self.metrics = metrics
        self.batcher = Batcher(load, settings, metrics)
        self.tokenizing = Stage("tokenizing", settings.max_queue_s)
        self.encoding = Stage("encoding")  # without a limit: no computed answer is refused
        self.byte_budget = ByteBudget(settings.max_held_bytes)
        self.places = Places(settings)
        self.is_leaving = False
        self.is_draining = False
        self._ends_at = math.inf
        self._limits: set[asyncio.Timeout] = set()
        metrics.watch(
            waiting=lambda: self.batcher.waiting_pieces,
            waiting_s=lambda: self.batcher.waiting_s,
            tokenizing_s=lambda: self.tokenizing.waiting_s,
            encoding_s=lambda: self.encoding.waiting_s,
            inside=lambda: self.places.num_taken,
            held=lambda: self.byte_budget.bytes,
            ready=lambda: self.is_ready,
        )

    @property
    def is_ready(self) -> bool:
        """Whether requests should be sent to this process."""
        try:
            self.ready_engine()
        except RequestError:
            return False
        return True

    def leave(self, ends_at: float) -> None:
        """Report on /readyz that this process will end, and go on serving.

        Args:
            ends_at: When the last request must have its response, on the monotonic clock.
        """
        self.is_leaving = True
        self._ends_at = ends_at
        self.batcher.end_proof()
        latest = asyncio.get_running_loop().time() + ends_at - monotonic()
        for limit in self._limits:
            limit.reschedule(min(latest, limit.when() or latest))

    @asynccontextmanager
    async def in_time(self, deadline: float) -> AsyncIterator[None]:
        """Bound a block in time; a process that leaves may end it before its deadline.

        Args:
            deadline: On the monotonic clock.

        Raises:
            RequestError: deadline_exceeded, or draining.
        """
        ends_at = min(deadline, self._ends_at)
        try:
            async with asyncio.timeout(max(0.0, ends_at - monotonic())) as limit:
                self._limits.add(limit)
                try:
                    yield
                finally:
                    self._limits.discard(limit)
        except TimeoutError as error:
            raise (late(self.settings) if deadline <= self._ends_at else draining()) from error

    def drain(self) -> None:
        """Take no further request; those that were admitted are finished."""
        self.is_leaving = self.is_draining = True
        self.batcher.end_proof()

    async def close(self) -> None:
        """Finish what was admitted and end the threads."""
        self.drain()
        await self.batcher.close()
        self.tokenizing.close()
        self.encoding.close()

    @contextmanager
    def admitted(self, key: str | None) -> Iterator[Engine]:
        """Admit one request that has arrived whole, and yield the engine until it is answered.

        A process that drains still admits it, because its first bytes came before.

        Args:
            key: The name of the request's API key; None if no key is needed.

        Raises:
            RequestError: starting; worker_dead; or overloaded, because too many are being served.
        """
        self.check_alive()
        engine = self.loaded_engine()
        with self.places.taken(key):
            yield engine

    def ready_engine(self) -> Engine:
        """Return the engine, if requests should be sent to this process.

        Raises:
            RequestError: starting, draining or worker_dead.
        """
        self.check_alive()
        if self.is_leaving:
            raise draining()
        return self.loaded_engine()

    def serving_engine(self) -> Engine:
        """Return the engine, if this process takes requests, even if no more should be sent to it.

        Raises:
            RequestError: starting, draining or worker_dead.
        """
        self.check_alive()
        if self.is_draining:
            raise draining()
        return self.loaded_engine()

    def loaded_engine(self) -> Engine:
        """Return the engine, whether or not requests are taken.

        Raises:
            RequestError: starting.
        """
        if self.batcher.engine is None:
            raise RequestError(
                "starting", f"the model is loading; ask again in {RETRY_S} s", retry_after_s=RETRY_S
            )
        return self.batcher.engine

    def check_alive(self) -> None:
        """Refuse to go on if an inference thread has ended or is stuck.

        Raises:
            RequestError: worker_dead.
        """
        if self.batcher.died.is_set():
            raise worker_dead()


def draining() -> RequestError:
    """Return the refusal of a process that ends."""
    return RequestError(
        "draining", "this process is ending; ask another replica", retry_after_s=RETRY_S
    )


def late(settings: Settings) -> RequestError:
    """Return the refusal of a request that has taken too long."""
    return RequestError(
        "deadline_exceeded",
        f"no answer within deadline_s = {settings.deadline_s} s; send fewer texts, or ask"
        " again when there is less to do",
    )
