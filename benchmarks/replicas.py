"""Compare one service on two cores with two replicas of one core each behind HAProxy.

python -m benchmarks.replicas --tasks TASKS

The one service reads a batch on both cores, a direction each. Each replica is pinned to a core of
its own. Reported are responses per second from 64 clients with a text each and from 4 clients with
32 texts each, as the median over the turns, and the ratio replicas / one. The clients and HAProxy
share the cores with the servers, so on this machine the ratio is a lower bound.

Run it with nothing else on the machine.
"""

import argparse
import asyncio
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch

from benchmarks.encoder import short_texts
from benchmarks.load import closed_loop, post
from benchmarks.processes import HOST, PATIENCE_S, POLL_S, SERVICE, serving
from training.run.provenance import provenance

CORES = (0, 1)
TURNS, TURN_S = 5, 4.0
PROXY = """\
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 1s
listen replicas
    bind {host}:{port}
    balance leastconn
    {servers}
"""


def main() -> None:
    """Print a line for each load."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=Path, required=True)
    given = parser.parse_args()
    print(provenance(torch.device("cpu")))
    short = short_texts(given.tasks)
    many = [short[start : start + 32] for start in range(0, 320, 32)]
    loads = {
        "64 clients, a text each": (64, [post("/embed", {"texts": t}) for t in short]),
        "4 clients, 32 texts each": (4, [post("/embed", {"texts": t}) for t in many]),
    }
    with ExitStack() as servers:
        one = servers.enter_context(serving(*SERVICE))
        replicas = [
            servers.enter_context(
                serving("taskset", "--cpu-list", str(core), *SERVICE, "--threads", "1")
            )
            for core in CORES
        ]
        balancer = servers.enter_context(balanced(replicas))
        for name, (clients, requests) in loads.items():
            turns = [
                [rate(port, requests, clients) for port in (balancer, one)]
                for _ in range(TURNS + 1)
            ][1:]  # the first turn warms up
            both, alone = (statistics.median(turn[n] for turn in turns) for n in (0, 1))
            ratio = statistics.median(a / b for a, b in turns)
            print(f"{name}: replicas {both:.1f}/s, one {alone:.1f}/s, {ratio:.2f}", flush=True)


def rate(port: int, requests: list[bytes], clients: int) -> float:
    """Return the responses per second of a turn."""
    load = asyncio.run(closed_loop(port, requests, clients, TURN_S))
    assert set(load.statuses) == {200}, load.statuses
    return load.rate


@contextmanager
def balanced(ports: list[int]) -> Iterator[int]:
    """Start HAProxy before servers for a block, and yield its port.

    Raises:
        RuntimeError: this machine has no HAProxy, or it does not listen in time.
    """
    program = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        raise RuntimeError("there is no haproxy here; on Debian, apt-get install haproxy adds it")
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port = listener.getsockname()[1]
    servers = "\n    ".join(f"server r{place} {HOST}:{to}" for place, to in enumerate(ports))
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as file:
        file.write(PROXY.format(host=HOST, port=port, servers=servers))
        file.flush()
        with subprocess.Popen([program, "-db", "-f", file.name]) as process:
            try:
                wait_for(port)
                yield port
            finally:
                process.kill()


def wait_for(port: int) -> None:
    """Wait until somebody listens on a port."""
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        with socket.socket() as probe:
            if not probe.connect_ex((HOST, port)):
                return
        time.sleep(POLL_S)
    raise RuntimeError(f"nobody listens on port {port} after {PATIENCE_S} s")


if __name__ == "__main__":
    main()
