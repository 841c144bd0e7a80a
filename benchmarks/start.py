"""How soon a server answers after it is started, and what it weighs.

python -m benchmarks.start

Seconds from the start of the process until `/readyz` says 200, in which the model is loaded, every
checksum compared, every shape run and proved, and the golden texts embedded; resident memory then,
and after a full request. The size of the image is told by the container check.
"""

import asyncio
import statistics
import time

import httpx
import torch

from benchmarks.load import closed_loop, post
from benchmarks.processes import HOST, PATIENCE_S, SERVICE, serving
from training.provenance import provenance

STARTS, TEXTS = 5, 256
TEXT = "我在超市买了一个红苹果，又去手机店看了看新的苹果手机，最后什么也没有买就回家了。"


def main() -> None:
    """Print times and sizes."""
    print(provenance(torch.device("cpu")))
    took = []
    for _ in range(STARTS):
        began = time.perf_counter()
        with serving(*SERVICE) as port:
            took.append(time.perf_counter() - began)
            idle = resident_mib(port)
            full = post("/embed", {"texts": [TEXT] * TEXTS})
            load = asyncio.run(closed_loop(port, [full], 1, 2.0))
            assert set(load.statuses) == {200}, load.statuses
            busy = resident_mib(port)
    print(f"ready after {statistics.median(took):.1f} s, {min(took):.1f} to {max(took):.1f}")
    print(f"resident {idle:.0f} MiB when ready, {busy:.0f} MiB after requests of {TEXTS} texts")


def resident_mib(port: int) -> float:
    """Of the server, by its own metrics."""
    page = httpx.get(f"http://{HOST}:{port}/metrics", timeout=PATIENCE_S, trust_env=False).text
    lines = page.splitlines()
    (line,) = (line for line in lines if line.startswith("process_resident_memory_bytes "))
    return float(line.split()[1]) / 2**20


if __name__ == "__main__":
    main()
