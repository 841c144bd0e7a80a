"""The server of one process: uvicorn that leaves in good order, and ends if there is no model."""

import asyncio
import faulthandler
import logging
import math
import os
import signal
from asyncio import Future
from collections.abc import Callable
from functools import partial
from socket import socket
from time import monotonic
from types import FrameType

import uvicorn

from .address import url_of
from .app import create_app
from .edge.connection import Connection
from .edge.door import PROBE_CONNECTIONS, Door
from .edge.files import allow_connections
from .engine import Engine
from .log import fields
from .runtime import Runtime
from .settings import CLOSING_S, Settings

# uvicorn ticks this often.
TICK_S = 0.1
COULD_NOT_START = 1
# After the last request has been answered or refused, its bytes have this long to leave.
LAST_BYTES_S = 0.5

logger = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """uvicorn that leaves in good order on a signal, and ends if the model cannot be loaded.

    On a first signal the process goes on serving for `lame_duck_s`, while /readyz says 503 and each
    response ends its connection. Then it closes the listener and finishes what it has. A second
    signal ends it at once.
    """

    def __init__(self, settings: Settings, load: Callable[[], Engine] | None = None) -> None:
        self._settings = settings
        self._app = create_app(settings, load)
        self._could_start = True
        self._listens_until = -math.inf
        self._ends_at = math.inf
        self._ticked_at = math.inf
        wanted = settings.max_connections + PROBE_CONNECTIONS
        most = max(1, allow_connections(wanted) - PROBE_CONNECTIONS)
        self._door = Door(settings, self._app.state.metrics, most)
        super().__init__(
            uvicorn.Config(
                self._app,
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                server_header=False,
                forwarded_allow_ips=settings.trusted_proxies,
                http=partial(Connection, self._door),  # type: ignore[arg-type]  # it is only called
                ws="none",
                lifespan="on",
                timeout_graceful_shutdown=math.ceil(settings.finishing_s + LAST_BYTES_S),
            )
        )

    def serve_until_signal(self, sockets: list[socket] | None = None) -> int:
        """Serve, on these sockets if there are any; return the exit status."""
        self.run(sockets=sockets)
        return 0 if self._could_start else COULD_NOT_START

    @property
    def runtime(self) -> Runtime:
        """The state that all requests share; it exists once the server has started."""
        runtime: Runtime = self._app.state.runtime
        return runtime

    # What uvicorn calls.

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Listen, and end if the model does not load, or not in time."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets=sockets)
        for one in sockets or ():  # uvicorn reports only the address that it has taken itself
            logger.info(f"running on {url_of(one)}")
        self._door.watch(self._loop)
        self._ticked_at = monotonic()
        self._loop.call_later(self._settings.start_s, self._end_late_start)
        self.runtime.batcher.started.add_done_callback(self._report_start)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to leave; a second signal ends the process at once.

        Unlike uvicorn's own, the signal is not raised again at the end: the status is 0.
        """
        if self.should_exit:
            os.write(2, b"service: ended at once by a second signal\n")
            os._exit(128 + sig)
        if self.started:
            now, settings = monotonic(), self._settings
            if self.runtime.is_ready:  # before that nobody sends requests
                self._listens_until = now + settings.lame_duck_s
            self._ends_at = now + settings.drain_s - CLOSING_S
            self._loop.call_soon_threadsafe(self._leave, signal.Signals(sig).name)
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Return whether to stop listening; called every TICK_S, and later if the loop lags."""
        now = monotonic()
        self._app.state.metrics.loop_lagged(max(0.0, now - self._ticked_at - TICK_S))
        self._ticked_at = now
        should_exit = await super().on_tick(counter)
        return should_exit and now >= self._listens_until

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Stop listening, finish what was accepted, and end what does not finish."""
        self.runtime.drain()
        left_s = max(0.0, min(self._ends_at - monotonic(), self._settings.drain_s - CLOSING_S))
        self._loop.call_later(left_s + LAST_BYTES_S, self._door.reset_all)
        await super().shutdown(sockets=sockets)

    # On the event loop.

    def _leave(self, name: str) -> None:
        """Let balancers know that this process ends."""
        logger.info("leaving", extra=fields(signal=name))
        self.runtime.leave(self._ends_at)
        self._door.announce_close()

    def _end_late_start(self) -> None:
        if not self.runtime.batcher.started.done():
            self._could_start = False
            self.should_exit = True
            logger.critical(
                f"the model has not loaded within start_s = {self._settings.start_s} s; look at the"
                " disk and the load of the machine, or raise BILM_START_S"
            )

    def _report_start(self, started: "Future[Engine]") -> None:
        faulthandler.cancel_dump_traceback_later()  # set where the process begins
        if started.cancelled() or started.exception():  # the batcher has logged what is wrong
            self._could_start = False
            self.should_exit = True
            return
        engine = started.result()
        logger.info(
            "ready",
            extra=fields(model=engine.model.id, pieces_per_s=round(engine.pieces_per_s)),
        )
