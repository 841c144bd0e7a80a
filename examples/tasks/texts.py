"""Labelled texts, as examples with one row for each text."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from scipy.sparse import csr_matrix

from examples.classifier import splits
from examples.classifier.characters import Characters
from examples.classifier.data import class_names
from examples.classifier.errors import DataError
from examples.tasks.mixed import Array, Numbers
from examples.tasks.trial import MIN_EXAMPLES, Examples


class Split(NamedTuple):
    """Texts and the class of each, from 0."""

    texts: Sequence[str]
    targets: Numbers


def read_splits(given: argparse.Namespace) -> tuple[dict[str, Split], int]:
    """Return the splits `train` and `test` by name, and the number of classes.

    Args:
        given: The arguments of `declare_splits`, which name the files and the columns, or say how
            to cut a file.

    Raises:
        DataError: a file cannot be read, or its texts or labels do not suffice.
    """
    *files, origin = splits.read_splits(given)
    if not given.test:
        print(origin, flush=True)
    num_train = len(files[0].texts)
    names = class_names(*files)
    if num_train < MIN_EXAMPLES:
        raise DataError(f"{num_train} training texts; at least {MIN_EXAMPLES} are needed")
    numbers = {name: number for number, name in enumerate(names)}
    found = [
        Split(file.texts, np.array([numbers[label] for label in file.labels])) for file in files
    ]
    return dict(zip(("train", "test"), found, strict=True)), len(names)


@dataclass(frozen=True)
class Texts(Examples):
    """Labelled texts, and the class and vectors of each.

    Args:
        texts: The texts.
        targets: Class of each text, from 0.
        layers: Mean over the pieces in each layer, `[texts, depth, dim]`.
    """

    texts: Sequence[str]
    targets: Numbers
    layers: Array

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, items: Numbers) -> Self:
        """Return some of the texts."""
        texts = [self.texts[item] for item in items]
        return replace(self, texts=texts, targets=self.targets[items], layers=self.layers[items])

    def scaled(self, scale: Array) -> Self:
        """Return the same texts, with each layer divided by its scale."""
        return replace(self, layers=self.layers / scale)

    def characters(self, others: Self) -> tuple[csr_matrix, csr_matrix]:
        """Return the tf-idf of character uni- and bigrams, of these texts and of others."""
        known = Characters.of(self.texts)
        return known.features(self.texts), known.features(others.texts)

    @property
    def measure(self) -> str:
        """What the score measures, and on how many texts."""
        return f"accuracy on {len(self):,} texts"

    def score(self, log_p: Array, learnt_from: Self) -> float:
        """Return the accuracy."""
        return float((log_p.argmax(axis=1) == self.targets).mean())
