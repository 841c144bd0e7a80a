"""`python -m service`: one process that serves one artifact until SIGTERM."""

import argparse
import logging
import sys
from asyncio import Future
from collections.abc import Sequence
from socket import socket
from types import FrameType

import uvicorn

from service.app import create_app
from service.engine import Engine
from service.errors import SettingsError
from service.log import configure_logs, fields
from service.memory import give_back_large_blocks
from service.runtime import Runtime
from service.settings import PREFIX, Settings, load_settings

KEEP_ALIVE_S = 75  # longer than the usual balancer's 60, so that it closes first
CLOSING_S = 3  # of drain_s, for what uvicorn and the threads need after the last answer
LOOPBACK = ("127.0.0.1", "::1", "localhost")
COULD_NOT_START = 1
WRONG_SETTINGS = 2

logger = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """uvicorn that drains on a signal, and ends if the model cannot be loaded."""

    def __init__(self, settings: Settings) -> None:
        self._app = create_app(settings)
        self._could_start = True
        super().__init__(
            uvicorn.Config(
                self._app,
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                server_header=False,
                ws="none",
                lifespan="on",
                timeout_keep_alive=KEEP_ALIVE_S,
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
        self._runtime.batcher.started.add_done_callback(self._report_start)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Refuse new requests at once, and end after the last answer.

        Unlike uvicorn's own, the signal is not raised again at the end: the status is 0.
        """
        if self.started:
            self._runtime.drain()
        self.should_exit = True

    @property
    def _runtime(self) -> Runtime:
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


def main(arguments: Sequence[str] | None = None, prog: str = "python -m service") -> int:
    """Serve until a signal; return the exit status."""
    flags = vars(_parser(prog).parse_args(arguments))
    only_check = flags.pop("check_config", False)
    try:
        settings = load_settings(flags)
    except SettingsError as error:
        sys.stderr.write(f"service: {error}\n")
        return WRONG_SETTINGS
    if only_check:
        sys.stdout.write(settings.model_dump_json(indent=2) + "\n")
        return 0
    configure_logs(settings.log_level)
    logger.info("settings", extra=fields(**settings.model_dump(mode="json")))
    if not settings.keys and settings.host not in LOOPBACK:
        logger.warning("no api_keys are set: whoever reaches this address may ask")
    give_back_large_blocks()
    return Server(settings).serve_until_signal()


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description=__doc__,
        epilog=f"Each option can also be set in the environment: --port 9000 or {PREFIX}PORT=9000.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    for name, field in Settings.model_fields.items():
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, dest=name, help=f"{field.description} Default: {field.default}.")
    parser.add_argument(
        "--check-config", action="store_true", help="Print the effective settings and end."
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
