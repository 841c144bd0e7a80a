"""How soon a server answers after it is started, and what it weighs.

python -m benchmarks.start

Seconds from the start of the process until `/readyz` says 200, in which the model is loaded, every
checksum compared, every shape run and proved, and the golden texts embedded; resident memory then,
and after a full request. The size of the image is told by the container check.
"""

import asyncio
import statistics
import time

import torch

from benchmarks.load import closed_loop, post
from benchmarks.processes import SERVICE, resident_mib, serving
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
    print(f"the last one: resident {idle:.0f} MiB when ready,", end=" ")
    print(f"{busy:.0f} MiB after requests of {TEXTS} texts")


if __name__ == "__main__":
    main()
