"""Compare two ways to use two cores: a direction of one batch on each, or a batch on each.

python -m benchmarks.threads models/zh-small --tasks TASKS

Texts of 20 to 60 characters, a number of them at a time, are cut into pieces and embedded in this
process. The two ways take turns:

    one      one caller, whose batches are read with the two directions side by side, as in the
             service
    each     a thread for each core, and the waiting texts are shared among the threads

Both are measured alone, and beside a process that keeps one core busy, as a client or a neighbour
may do.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import torch

from benchmarks.encoder import short_texts
from biLM.cpus import granted_cpus
from biLM.encoder import Encoder
from biLM.questions.readout import Readout
from biLM.reading.precision import fastest_precision
from training.run.provenance import provenance

AT_A_TIME = (1, 2, 8, 16, 32, 64, 128)
TURNS, TURN_S = 5, 1.0


def main() -> None:
    """Print the texts a second of both ways, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--tasks", type=Path, required=True)
    given = parser.parse_args()
    print(provenance(torch.device("cpu")))
    encoder = Encoder.load(given.artifact, fastest_precision())
    encoder.warm_up()
    texts = short_texts(given.tasks)
    compare(encoder, texts, "alone")
    with busy_process():
        compare(encoder, texts, "beside a busy process")


def compare(encoder: Encoder, texts: Sequence[str], where: str) -> None:
    """Measure both ways in turns, for each number of texts at a time."""
    cpus = granted_cpus()
    print(f"\n{where}; texts at a time: texts/s, the best (the worst) of {TURNS} turns")
    with (
        ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=[cpus]) as one,
        ThreadPoolExecutor(cpus, initializer=torch.set_num_threads, initargs=[1]) as each,
    ):
        for number in AT_A_TIME:
            rates: dict[str, list[float]] = {"one": [], "each": []}
            for _ in range(TURNS):
                rates["one"].append(texts_per_s(encoder, texts, number, one, 1))
                rates["each"].append(texts_per_s(encoder, texts, number, each, cpus))
            shown = (
                f"{way} {max(found):4,.0f} ({min(found):4,.0f})" for way, found in rates.items()
            )
            ratio = max(rates["each"]) / max(rates["one"])
            print(f"{number:4}   {'   '.join(shown)}   each / one {ratio:.2f}", flush=True)


def texts_per_s(
    encoder: Encoder,
    texts: Sequence[str],
    number: int,
    threads: ThreadPoolExecutor,
    num_threads: int,
) -> float:
    """Measure the texts a second while `number` texts wait at any time, shared by the threads."""
    share = max(1, number // num_threads)
    readout = Readout(encoder.mix("default"))
    ends = time.perf_counter() + TURN_S

    def read(first: int) -> int:
        done = 0
        while time.perf_counter() < ends:
            some = [encoder.pieces(texts[(first + done + n) % len(texts)]) for n in range(share)]
            encoder.embed(some, [readout] * share)
            done += share
        return done

    working = min(num_threads, number)
    began = time.perf_counter()
    done = sum(threads.map(read, [worker * len(texts) // working for worker in range(working)]))
    return done / (time.perf_counter() - began)


@contextmanager
def busy_process() -> Iterator[None]:
    """Run a process that keeps one core busy until the block ends."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


if __name__ == "__main__":
    main()
