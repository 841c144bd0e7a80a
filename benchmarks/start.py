"""How soon a server answers after it is started, when all its shapes are proved, what it weighs.

python -m benchmarks.start

Seconds from the start of the process until `/readyz` says 200, by which time the model is loaded,
every checksum compared and the golden texts embedded; then until `/info` says that every shape has
been compared. The speed at either moment; resident memory when all is proved and after requests.
The size of the image is told by the container check. `ONEDNN_MAX_CPU_ISA=AVX2
ATEN_CPU_CAPABILITY=avx2 BILM_PRECISION=float32` before the command shows a processor without
bfloat16.
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
    """Print times and sizes."""
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
    print(f"the last one: {last['precision']},", end=" ")
    print(
        f"{first['pieces_per_s']} pieces/s when ready, {last['pieces_per_s']} when proved,", end=" "
    )
    print(f"{len(last['bit_identical_heights'])} heights; resident {idle:.0f} MiB,", end=" ")
    print(f"{busy:.0f} MiB after requests of {TEXTS} texts")


def _spread(seconds: list[float]) -> str:
    """The median, the least and the most."""
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
