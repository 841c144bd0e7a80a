"""`python -m service`: one process that serves one artifact until SIGTERM."""

import argparse
import faulthandler
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from biLM.options import parsed

from .address import take_address
from .environment import load_settings
from .errors import AddressError, SettingsError
from .log import configure_logs, fields
from .memory import give_back_large_blocks
from .settings import PREFIX, Settings

LOOPBACK = ("127.0.0.1", "::1", "localhost")
COULD_NOT_START, WRONG_SETTINGS = 1, 2
# The names of the threads that may still be at work when the process ends begin with these.
WORKERS = ("inference", "tokenizing", "encoding")
# A thread with nothing to do ends within this time once it may.
IDLE_END_S = 0.5

logger = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None, prog: str = "python -m service") -> int:
    """Serve until a signal; return the exit status."""
    flags = vars(parsed(_parser(prog), arguments))
    only_check = flags.pop("check_config", False)
    try:
        settings = load_settings(flags)
    except SettingsError as error:
        sys.stderr.write(f"service: {error}\n")
        return WRONG_SETTINGS
    if only_check:
        sys.stdout.write(settings.model_dump_json(indent=2) + "\n")
        return 0
    for early in (signal.SIGINT, signal.SIGTERM):  # the server will set handlers of its own
        signal.signal(early, _end_early)
    configure_logs(settings.log_level)
    logger.info("settings", extra=fields(**settings.model_dump(mode="json")))
    if not settings.needs_key and settings.host not in LOOPBACK:
        logger.warning("no api_keys are set: whoever reaches this address may ask")
    if settings.deadline_s > settings.finishing_s:
        logger.info(
            f"a request that arrives while the process ends may have {settings.finishing_s:g} s"
            f" instead of deadline_s = {settings.deadline_s:g} s, and is then refused with 503;"
            " raise drain_s or lower deadline_s to give it all its time"
        )
    try:
        sockets = take_address(settings.host, settings.port)
    except AddressError as error:
        logging.shutdown()  # Write the lines of the log before the message.
        sys.stderr.write(f"service: {error}\n")
        return COULD_NOT_START
    give_back_large_blocks()
    # The server ends a start that takes longer than start_s, unless Python itself hangs, as in an
    # import from a disk that does not answer. This timer needs no Python; the server cancels it.
    faulthandler.dump_traceback_later(settings.start_s + settings.drain_s, exit=True)
    # The server is imported here, because torch takes seconds to import and neither --help nor
    # --check-config needs it. Importing makes many objects and no garbage; collections would take a
    # tenth of the time.
    gc.disable()
    from .server import Server

    gc.freeze()  # The imported objects stay to the end, so later collections can skip them.
    gc.enable()
    status = Server(settings).serve_until_signal(sockets)
    _end_beside_threads(status)
    return status


def _end_early(sig: int, _: FrameType | None) -> None:
    """End the process while it is still importing; there is nothing to finish."""
    os.write(2, f"service: ended by {signal.Signals(sig).name}\n".encode())
    os._exit(0)


def _end_beside_threads(status: int) -> None:
    """End the process here if a thread is still at work: the interpreter would wait or abort.

    Loading a model cannot be interrupted, nor can a batch.
    """
    workers = [thread for thread in threading.enumerate() if thread.name.startswith(WORKERS)]
    for thread in workers:
        thread.join(IDLE_END_S)
    if any(thread.is_alive() for thread in workers):
        logging.shutdown()
        sys.stdout.flush()
        os._exit(status)


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
