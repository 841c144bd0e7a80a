"""Measure how much of a task's texts the language model has read.

python -m benchmarks.read_before models/zh-small --corpus CORPUS --tasks TASKS

Labels are never in a corpus, but texts may be. A model that has read the texts of a task does
better on them than on others of their kind. CORPUS is the folder of the sources, `NAME.txt.xz` with
a document a line; those that the artifact's card names are read. For each part of each task the
program prints three figures: how many texts it has; the share of texts whose runs of 13 letters all
stand in the corpus; and the share of texts of which at least one run does. Only letters and digits
are compared, and in ASCII a run has 13 words. A text of fewer letters counts only if a document of
the corpus consists of the same ones.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from biLM.artifact import load_artifact
from biLM.files import unpacked
from training.run.provenance import provenance
from training.text.corpus import read_documents
from training.text.overlap import Overlap

# The column of the text in the files of each task; None stands for a token a line.
TEXT_COLUMN = {
    "thucnews_titles": 0,
    "online_shopping_10_cats": 2,
    "chnsenticorp_htl": 1,
    "waimai_10k": 1,
    "resume_ner": None,
    "ud_zh_gsdsimp": None,
}
PARTS = ("train", "dev", "test")


def main() -> None:
    """Print a line for each part of each task."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--tasks", type=Path, required=True)
    given = parser.parse_args()
    sources = [one["source"] for one in load_artifact(given.artifact).card["data"]["sources"]]
    tasks = {
        f"{task}, {part}": list(texts_of(path, column))
        for task, column in TEXT_COLUMN.items()
        for part in PARTS
        for path in sorted((given.tasks / task).glob(f"*{part}.*.xz"))
    }
    files = [given.corpus / f"{source}.txt.xz" for source in sources]
    found = shares(tasks, (text for path in files for text in read_documents(path)))
    print(provenance(torch.device("cpu")))
    print(f"{len(files)} sources")
    print(f"{'':34}{'texts':>8}{'whole':>8}{'a run':>8}")
    for name, (whole, run) in found.items():
        print(f"{name:34}{len(tasks[name]):8,}{whole:8.3f}{run:8.3f}")


def shares(tasks: dict[str, list[str]], corpus: Iterable[str]) -> dict[str, tuple[float, float]]:
    """Return the share of texts all of whose runs stand in a corpus, and of those with one."""
    every = [text for texts in tasks.values() for text in texts]
    overlap = Overlap(every)
    overlap.read(corpus)
    shared = overlap.shares()
    found, begin = {}, 0
    for name, texts in tasks.items():
        of_task = shared[begin : begin + len(texts)]
        begin += len(texts)
        found[name] = float(np.mean(of_task == 1)), float(np.mean(of_task > 0))
    return found


def texts_of(path: Path, column: int | None) -> Iterator[str]:
    """Yield the texts of a file of a task.

    Args:
        path: The file, packed as .xz.
        column: The column of the text, or None if a line has a token and its tag, and a blank line
            ends a sentence.
    """
    with path.open("rb") as packed:
        lines = unpacked(packed, path.suffix).read().decode().split("\n")
    if column is not None:
        yield from (line.split("\t")[column] for line in lines if line)
        return
    yield from sentences(lines)


def sentences(lines: Sequence[str]) -> Iterator[str]:
    """Yield the text of each sentence of lines with a token each, in BMES or CoNLL-U."""
    tokens: list[str] = []
    for line in [*lines, ""]:
        if line.startswith("#"):
            continue
        if line:
            fields = line.split("\t")
            tokens.append(fields[1] if len(fields) > 1 else line.split()[0])
        elif tokens:
            yield "".join(tokens)
            tokens = []


if __name__ == "__main__":
    main()
