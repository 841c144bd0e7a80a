"""The server of one process: uvicorn that drains on a signal and ends if there is no model."""

import asyncio
import logging
from asyncio import Future
from functools import partial
from socket import socket
from types import FrameType

import uvicorn

from .app import create_app
from .edge.connection import Connection
from .edge.door import PROBE_CONNECTIONS, Door
from .edge.files import allow_connections
from .engine import Engine
from .log import fields
from .runtime import Runtime
from .settings import Settings

CLOSING_S = 3  # of drain_s, for what uvicorn and the threads need after the last answer
COULD_NOT_START = 1

logger = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """uvicorn that drains on a signal, and ends if the model cannot be loaded."""

    def __init__(self, settings: Settings) -> None:
        self._app = create_app(settings)
        self._could_start = True
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
                http=partial(Connection, self._door),  # type: ignore[arg-type]  # uvicorn only calls it
                ws="none",
                lifespan="on",
                timeout_graceful_shutdown=max(1, int(settings.drain_s) - CLOSING_S),
            )
        )

    def serve_until_signal(self) -> int:
        """Serve; return the exit status."""
        self.run()
        return 0 if self._could_start else COULD_NOT_START

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Listen; and stop listening should the model not load."""
        await super().startup(sockets=sockets)
        self._door.watch(asyncio.get_running_loop())
        self.runtime.batcher.started.add_done_callback(self._report_start)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Refuse new requests at once, and end after the last answer.

        Unlike uvicorn's own, the signal is not raised again at the end: the status is 0.
        """
        if self.started:
            self.runtime.drain()
        self.should_exit = True

    @property
    def runtime(self) -> Runtime:
        """What all requests share; there once the server has started."""
        runtime: Runtime = self._app.state.runtime
        return runtime

    def _report_start(self, started: "Future[Engine]") -> None:
        if started.cancelled() or started.exception():  # the batcher has logged what is wrong
            self._could_start = False
            self.should_exit = True
            return
        engine = started.result()
        logger.info(
            "ready",
            extra=fields(model=engine.model.id, pieces_per_s=round(engine.pieces_per_s)),
        )
