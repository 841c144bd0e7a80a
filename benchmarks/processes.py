"""Servers as processes of their own, on a free port of the loopback."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prometheus_client.parser import text_string_to_metric_families

HOST = "127.0.0.1"
SERVICE = (sys.executable, "-m", "service")
PATIENCE_S, POLL_S = 120.0, 0.05


@contextmanager
def serving(*command: str) -> Iterator[int]:
    """The port of a server, once it answers."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    options = [*command, "--host", HOST, "--port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(options, **quiet) as process:  # type: ignore[call-overload]
        try:
            _wait_until_ready(port, process)
            yield port
        finally:
            process.terminate()


def resident_mib(port: int) -> float:
    """Memory of a service, by its own metrics."""
    page = httpx.get(f"http://{HOST}:{port}/metrics", timeout=PATIENCE_S, trust_env=False).text
    samples = (s for family in text_string_to_metric_families(page) for s in family.samples)
    found = next(s.value for s in samples if s.name == "process_resident_memory_bytes")
    return found / 2**20


def _wait_until_ready(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Until it says so; of a server that has no such path, until it shows its documents."""
    ends = time.monotonic() + PATIENCE_S
    with httpx.Client(base_url=f"http://{HOST}:{port}", trust_env=False) as client:
        while time.monotonic() < ends and process.poll() is None:
            try:
                statuses = [client.get(path).status_code for path in ("/readyz", "/docs")]
            except httpx.TransportError:
                statuses = []
            if statuses in ([200, 200], [404, 200]):
                return
            time.sleep(POLL_S)
    if process.returncode is not None:
        raise RuntimeError(f"{process.args} ended with status {process.returncode}; run it by hand")
    raise RuntimeError(f"no server at port {port} within {PATIENCE_S} s")
