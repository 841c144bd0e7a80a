"""Compare the service with that of another checkout of the project, in turns in one run.

python -m benchmarks.beside CHECKOUT --tasks TASKS

The other checkout needs a model in models/zh-small; it runs in this environment. Each service is
idle while the other one is loaded, and which comes first alternates. Reported are, for each load,
the median over the turns of the ratio this / other: of the responses per second, and of the
processor time that the server spends on a response, which a noisy neighbour disturbs less.

Run it with nothing else on the machine; clients and servers share its cores.
"""

import argparse
import asyncio
import statistics
import time
from contextlib import ExitStack
from pathlib import Path

import torch

from benchmarks.encoder import short_texts
from benchmarks.load import SAFETENSORS, closed_loop, post
from benchmarks.processes import READY, SERVICE, Server, running
from training.run.provenance import provenance

ROOT = Path(__file__).parents[1]
TURNS, TURN_S = 8, 2.0
# A server that spends less in a second has nothing to do.
IDLE_S = 0.1


def main() -> None:
    """Print a line for each load."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=Path, help="the other checkout")
    parser.add_argument("--tasks", type=Path, required=True)
    given = parser.parse_args()
    print(provenance(torch.device("cpu")))
    short = short_texts(given.tasks)
    many = [short[start : start + 32] for start in range(0, 320, 32)]
    loads = {
        "64 clients, a text each, base64": (64, [post("/embed", {"texts": t}) for t in short]),
        "64 clients, a text each, safetensors": (
            64,
            [post("/embed", {"texts": t}, SAFETENSORS) for t in short],
        ),
        "64 clients, a text each, /v1/embeddings": (
            64,
            [post("/v1/embeddings", {"input": t, "encoding_format": "base64"}) for t in short],
        ),
        "4 clients, 32 texts each, base64": (4, [post("/embed", {"texts": t}) for t in many]),
        "4 clients, 32 texts each, JSON numbers": (
            4,
            [post("/embed", {"texts": t, "level": "text", "encoding": "json"}) for t in many],
        ),
        "1 client, a text, safetensors": (
            1,
            [post("/embed", {"texts": t}, SAFETENSORS) for t in short],
        ),
    }
    with ExitStack() as servers:
        order = [
            servers.enter_context(running(*SERVICE, cwd=checkout))
            for checkout in (ROOT, given.other)
        ]
        for server in order:
            server.wait_for(READY)
            wait_until_idle(server)  # it proves shapes when it is ready
        print("load: responses/s of this and of the other, ratio; processor ms a response, ratio")
        for name, (clients, requests) in loads.items():
            found = []
            for turn in range(TURNS + 1):
                # Which server has the first turn alternates.
                both = {s: measured(s, requests, clients) for s in order[:: (-1) ** turn]}
                found.append([both[server] for server in order])
            del found[0]  # the first turn warms up
            rates, costs = ([[one[n] for one in turn] for turn in found] for n in (0, 1))
            print(f"{name}: {compared(rates)}; {compared(costs)}", flush=True)


def measured(server: Server, requests: list[bytes], clients: int) -> tuple[float, float]:
    """Return the responses per second of a turn, and the processor milliseconds of each."""
    before = processor_s(server)
    load = asyncio.run(closed_loop(server.port, requests, clients, TURN_S))
    assert set(load.statuses) == {200}, load.statuses
    return load.rate, 1e3 * (processor_s(server) - before) / load.statuses[200]


def processor_s(server: Server) -> float:
    """Return the seconds that a server has spent on processors."""
    tasks = Path(f"/proc/{server.process.pid}/task").iterdir()
    spent = (int((task / "schedstat").read_text("ascii").split()[0]) for task in tasks)
    return sum(spent) / 1e9


def wait_until_idle(server: Server) -> None:
    """Wait until a server has spent less than IDLE_S of processor time in a second."""
    before, now = -IDLE_S, processor_s(server)
    while now - before > IDLE_S:
        time.sleep(1)
        before, now = now, processor_s(server)


def compared(turns: list[list[float]]) -> str:
    """Return the medians of both, and the median of their ratios."""
    this, other = (statistics.median(turn[n] for turn in turns) for n in (0, 1))
    return f"{this:.2f} and {other:.2f}, {statistics.median(a / b for a, b in turns):.3f}"


if __name__ == "__main__":
    main()
