"""Measure whether memory stays bounded as the corpus grows, for every step on made-up text.

python -m benchmarks.corpus_size --gigabytes 10

The words of each document are drawn from a dictionary by Zipf's law, and the documents are numbered
so that no two are alike. Each step runs in its own process. The program prints the step's time and
its peak memory, which is that of the process itself or of its largest worker. It needs about three
times the size of the text on disk, in a folder that it removes at the end.
"""

import argparse
import random
import shutil
import subprocess
import sys
import time
from itertools import accumulate, count
from pathlib import Path

import jieba

WORDS_PER_DOCUMENT = 40
# The documents that are drawn; after these, the same documents recur with higher numbers.
NUM_DRAWN = 100_000
MEASURE = """
import resource, runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_module("training", run_name="__main__", alter_sys=True)
finally:
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    peak = max(resource.getrusage(one).ru_maxrss for one in who)
    print(f"peak {peak / 2**20:.2f} GiB", file=sys.stderr)
"""


def main() -> None:
    """Write the text, run the steps, and print the time and memory of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=10.0)
    parser.add_argument("--folder", type=Path, default=Path("build/corpus_size"))
    given = parser.parse_args()
    folder = given.folder
    folder.mkdir(parents=True)  # fails if the folder exists, because it is removed at the end
    (folder / "text").mkdir()
    try:
        write_text(folder / "text" / "made_up.txt", int(given.gigabytes * 1e9))
        corpus, pieces = f"{folder}/corpus", f"{folder}/pieces.model"
        shards, run = f"{folder}/shards", f"{folder}/run"
        measure("corpus", f"{folder}/text", "--out", corpus)
        measure("vocabulary", "--corpus", corpus, "--out", pieces)
        measure("shards", "--corpus", corpus, "--vocabulary", pieces, "--out", shards)
        budget = "max_pieces=200000"
        measure("train", "small", "--shards", shards, "--out", run, "--set", budget)
    finally:
        shutil.rmtree(folder)


def write_text(path: Path, size: int) -> None:
    """Write documents until the file has `size` bytes."""
    jieba.initialize()
    words = [word for word in jieba.dt.FREQ if len(word) > 1]
    chance = random.Random(1)
    chance.shuffle(words)
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    cumulated = list(accumulate(weights))
    documents = [
        "".join(chance.choices(words, cum_weights=cumulated, k=WORDS_PER_DOCUMENT)) + "。\n"
        for _ in range(NUM_DRAWN)
    ]
    numbers = count()
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < size:
            file.writelines(f"{next(numbers)} {document}" for document in documents)
    print(f"{path.stat().st_size / 1e9:.1f} GB of text")


def measure(*arguments: str) -> None:
    """Run one step and print its time and its peak memory."""
    began = time.perf_counter()
    command = [sys.executable, "-c", MEASURE, "training", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{arguments[0]} ended with {done.returncode}: {done.stderr}")
    last = done.stderr.strip().splitlines()[-1]
    print(f"{arguments[0]:11} {time.perf_counter() - began:7.0f} s  {last}", flush=True)


if __name__ == "__main__":
    main()
