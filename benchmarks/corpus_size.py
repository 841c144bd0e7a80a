"""Does memory stay bounded when the corpus grows? Every step over made-up text of a given size.

python -m benchmarks.corpus_size --gigabytes 10

The documents are drawn from the words of a dictionary by Zipf's law and numbered, so that no two
are alike. Each step runs as a process of its own; its time and the most memory it held (of itself,
or of its largest worker) are printed. Needs about three times the size on disk, in a folder that is
removed.
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
NUM_DRAWN = 100_000  # documents drawn; after them they come again with higher numbers
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
    """Write the text, run the steps, print what each took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=10.0)
    parser.add_argument("--folder", type=Path, default=Path("build/corpus_size"))
    given = parser.parse_args()
    folder = given.folder
    folder.mkdir(parents=True)  # refused where it exists: it is removed in the end
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
    """Documents until the file has so many bytes."""
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
    """Run one step and print its time and its peak of memory."""
    began = time.perf_counter()
    command = [sys.executable, "-c", MEASURE, "training", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{arguments[0]} ended with {done.returncode}: {done.stderr}")
    last = done.stderr.strip().splitlines()[-1]
    print(f"{arguments[0]:11} {time.perf_counter() - began:7.0f} s  {last}", flush=True)


if __name__ == "__main__":
    main()
