"""Give the training and the test texts of a task, from two files or cut from one."""

import argparse
import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from examples.classifier.data import Labelled, read_labelled
from examples.classifier.errors import DataError

# As many labels are named in what is printed about a split.
SHOWN_LABELS = 20


class Splits(NamedTuple):
    """The texts to train on, the texts that judge, and a sentence on where they come from."""

    train: Labelled
    test: Labelled
    origin: str


def declare_splits(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the files of a task, and for their columns of labels and texts."""
    add = parser.add_argument
    add("--train", type=Path, action="append", required=True, help="CSV or TSV; may be repeated")
    add(
        "--test", type=Path, help="CSV or TSV, never used to choose anything (else: cut from train)"
    )
    add("--test-share", type=_share, default=0.2, help="of each label, to cut (default: 0.2)")
    add("--split-seed", type=int, default=0, help="of the cut (default: 0)")
    add("--label", required=True, help="column: a name in the first line, or a number from 1")
    add("--text", required=True, help="column: likewise")
    add("--text-encoding", help="of the files, for example gbk (default: UTF-8, or by their mark)")
    add("--cache", type=Path, help="folder for embeddings, to share by tasks (default: OUT/cache)")


def read_splits(given: argparse.Namespace) -> Splits:
    """Return both splits, as the arguments of `declare_splits` name or cut them.

    Raises:
        DataError: a file or a line cannot be read, or a label has too few texts to cut.
    """
    columns = given.label, given.text, given.text_encoding
    train = read_labelled(given.train, *columns)
    if given.test:
        test = read_labelled([given.test], *columns)
        return Splits(train, test, f"{given.test} judges")
    train, test = cut(train, given.test_share, given.split_seed)
    counts, of_test = Counter(train.labels), Counter(test.labels)
    names = sorted(counts)[:SHOWN_LABELS]
    shown = ", ".join(f"{name} {counts[name]:,}/{of_test[name]:,}" for name in names)
    rest = ", …" if len(counts) > len(names) else ""
    return Splits(
        train,
        test,
        f"no --test is given, so {given.test_share:.0%} of each label judge (seed"
        f" {given.split_seed}): {len(train.texts):,} texts to train on and {len(test.texts):,} to"
        f" judge; {shown}{rest}",
    )


def cut(data: Labelled, share: float, seed: int) -> tuple[Labelled, Labelled]:
    """Return the texts to train on, and a share of those of each label to judge.

    Which texts judge depends on the seed and on the texts, not on their order. Equal texts are on
    the same side, so that no text is judged that was trained on.

    Raises:
        DataError: a label has fewer than two different texts.
    """
    rows: dict[str, list[int]] = {}
    for row, text in enumerate(data.texts):
        rows.setdefault(text, []).append(row)
    of_label: dict[str, list[str]] = {}
    for text, places in rows.items():  # a text with two labels counts for the first
        of_label.setdefault(data.labels[places[0]], []).append(text)
    judging: set[int] = set()
    for label, texts in of_label.items():
        if len(texts) < 2:
            raise DataError(
                f"the label {label!r} has only one text, and a cut needs two; give --test, or"
                " leave the label out"
            )
        texts.sort(key=lambda text: _digest(seed, text))
        wanted = share * sum(len(rows[text]) for text in texts)
        taken = 0
        for text in texts[:-1]:
            if taken and taken + len(rows[text]) / 2 > wanted:
                break
            judging.update(rows[text])
            taken += len(rows[text])
    everything = range(len(data.texts))
    return (
        _taken(data, (row for row in everything if row not in judging)),
        _taken(data, sorted(judging)),
    )


def _digest(seed: int, text: str) -> bytes:
    return hashlib.sha256(f"{seed}\n{text}".encode("utf-8", "surrogatepass")).digest()


def _taken(data: Labelled, rows: Iterable[int]) -> Labelled:
    chosen = list(rows)
    return Labelled([data.texts[row] for row in chosen], [data.labels[row] for row in chosen])


def _share(value: str) -> float:
    try:
        share = float(value)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"{value!r} is not a share between 0 and 1")
    return share
