"""Measure how soon a server is ready and has proved all shapes, and how much memory it takes.

python -m benchmarks.start

The server is ready when `/readyz` returns 200: it has then loaded the model, compared every
checksum and embedded the golden texts. All shapes are proved when `/info` says so. The speed is
measured at both moments, and the resident memory after the proof and again after requests. The
container check reports the size of the image. To measure as on a processor without bfloat16, put
`ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 BILM_PRECISION=float32` before the command.
"""

import asyncio
import statistics
import time

import httpx
import torch

from benchmarks.load import closed_loop, post
from benchmarks.processes import HOST, SERVICE, resident_mib, serving
from training.run.provenance import provenance

STARTS, TEXTS = 5, 256
POLL_S = 0.05
TEXT = "我在超市买了一个红苹果，又去手机店看了看新的苹果手机，最后什么也没有买就回家了。"


def main() -> None:
    """Print the times and the sizes."""
    print(provenance(torch.device("cpu")))
    ready, proved = [], []
    for _ in range(STARTS):
        began = time.perf_counter()
        with serving(*SERVICE) as port:
            ready.append(time.perf_counter() - began)
            first = _info(port)
            last = _when_proved(port)
            proved.append(time.perf_counter() - began)
            idle = resident_mib(port)
            full = post("/embed", {"texts": [TEXT] * TEXTS})
            load = asyncio.run(closed_loop(port, [full], 1, 2.0))
            assert set(load.statuses) == {200}, load.statuses
            busy = resident_mib(port)
    print(f"ready after {_spread(ready)}; all shapes proved after {_spread(proved)}")
    print(
        f"the last one: {last['precision']}, {first['pieces_per_s']} pieces/s when ready,"
        f" {last['pieces_per_s']} when proved, {len(last['bit_identical_heights'])} heights;"
        f" resident {idle:.0f} MiB, {busy:.0f} MiB after requests of {TEXTS} texts"
    )


def _spread(seconds: list[float]) -> str:
    """Return the median, the smallest and the largest value."""
    return f"{statistics.median(seconds):.1f} s, {min(seconds):.1f} to {max(seconds):.1f}"


def _when_proved(port: int) -> dict[str, object]:
    while not (found := _info(port))["proof_ended"]:
        time.sleep(POLL_S)
    return found


def _info(port: int) -> dict[str, object]:
    answer = httpx.get(f"http://{HOST}:{port}/info", trust_env=False)
    return dict(answer.raise_for_status().json())


if __name__ == "__main__":
    main()
