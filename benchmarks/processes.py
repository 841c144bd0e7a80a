"""Start servers as processes, each on a free port of the loopback.

Each server listens on port 0. The kernel then gives it a free port, which no other program can take
in between, and the server writes the number of the port to its log.
"""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

HOST = "127.0.0.1"
SERVICE = (sys.executable, "-m", "service")
# uvicorn writes this line, and the service repeats it in its own form.
LISTENING = rf"running on http://{re.escape(HOST)}:(\d+)"
# The service listens before its model is loaded.
READY = r'"event":"ready"'
PATIENCE_S, POLL_S = 120.0, 0.05


class Server:
    """A running server process and what it has logged.

    Args:
        process: The process.
        log: The file that holds its stderr.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def port(self) -> int:
        """The port it listens on; waits until the log has the number."""
        return int(self.wait_for(LISTENING).group(1))

    @property
    def url(self) -> str:
        """The URL of the server, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    def log(self) -> str:
        """Return what the server has logged so far."""
        return self._log.read_text("utf-8")

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Return the first match of a pattern in the log, as soon as there is one.

        Raises:
            RuntimeError: the process has ended without a match in its log, or PATIENCE_S have
                passed.
        """
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            # The log is read after this, so the last line of a process that has ended still counts.
            has_ended = self.process.poll() is not None
            if found := re.search(pattern, self.log()):
                return found
            if has_ended:
                status = self.process.returncode
                raise RuntimeError(f"status {status} before {pattern!r} was logged: {self.log()}")
            time.sleep(POLL_S)
        raise RuntimeError(f"{pattern!r} was not logged within {PATIENCE_S} s: {self.log()}")


@contextmanager
def running(*command: str, **options: Any) -> Iterator[Server]:  # Any: whatever Popen takes
    """Start a server for a block; at the end, it is killed if it is still alive.

    The log goes to a file. A pipe would have to be emptied all the time, which would disturb a
    program that measures the server.

    Args:
        command: The command that starts the server, without host and port.
        options: Further arguments of `subprocess.Popen`.
    """
    address = ["--host", HOST, "--port", "0"]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with (
            log.open("wb") as stderr,
            subprocess.Popen([*command, *address], stderr=stderr, **options) as process,
        ):
            try:
                yield Server(process, log)
            finally:
                process.kill()


@contextmanager
def serving(*command: str, ready: str = READY) -> Iterator[int]:
    """Start a server for a block, and yield its port once it has logged that it is ready."""
    with running(*command, stdout=subprocess.DEVNULL) as server:
        server.wait_for(ready)
        yield server.port


def resident_mib(port: int) -> float:
    """Return the resident memory of a service in MiB, as its metrics report it."""
    page = httpx.get(f"http://{HOST}:{port}/metrics", timeout=PATIENCE_S, trust_env=False).text
    samples = (s for family in text_string_to_metric_families(page) for s in family.samples)
    found = next(s.value for s in samples if s.name == "process_resident_memory_bytes")
    return found / 2**20
