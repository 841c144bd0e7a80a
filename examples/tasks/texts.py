"""Texts with labels, as examples of one row each."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from scipy.sparse import csr_matrix

from examples.classifier.characters import Characters
from examples.classifier.data import class_names, read_labelled
from examples.classifier.errors import DataError
from examples.tasks.mixed import Array, Numbers
from examples.tasks.trial import MIN_EXAMPLES, Examples


class Split(NamedTuple):
    """Texts and the class of each, from 0."""

    texts: Sequence[str]
    targets: Numbers


def read_splits(given: argparse.Namespace) -> tuple[dict[str, Split], int]:
    """`train`, which is learnt from, and `test`, which judges; and the number of classes.

    Args:
        given: The files and columns, as `declare_splits` has them.

    Raises:
        DataError: a file cannot be read, or does not hold enough.
    """
    files = [read_labelled(paths, given.label, given.text) for paths in (given.train, [given.test])]
    num_train = len(files[0].texts)
    names = class_names(*files)
    if num_train < MIN_EXAMPLES:
        raise DataError(f"{num_train} training texts; at least {MIN_EXAMPLES} are needed")
    numbers = {name: number for number, name in enumerate(names)}
    splits = [
        Split(file.texts, np.array([numbers[label] for label in file.labels])) for file in files
    ]
    return dict(zip(("train", "test"), splits, strict=True)), len(names)


@dataclass(frozen=True)
class Texts(Examples):
    """Texts with labels, and what is known of each.

    Args:
        texts: As they are.
        targets: Class of each, from 0.
        layers: Mean over the pieces, `[texts, depth, dim]`.
    """

    texts: Sequence[str]
    targets: Numbers
    layers: Array

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, items: Numbers) -> Self:
        """Some of the texts."""
        texts = [self.texts[item] for item in items]
        return replace(self, texts=texts, targets=self.targets[items], layers=self.layers[items])

    def scaled(self, scale: Array) -> Self:
        """The same with each layer divided by its scale."""
        return replace(self, layers=self.layers / scale)

    def characters(self, others: Self) -> tuple[csr_matrix, csr_matrix]:
        """Tf-idf of character uni- and bigrams."""
        known = Characters.of(self.texts)
        return known.features(self.texts), known.features(others.texts)

    @property
    def measure(self) -> str:
        """What a score is, and of how many texts."""
        return f"accuracy on {len(self):,} texts"

    def score(self, log_p: Array, learnt_from: Self) -> float:
        """Accuracy."""
        return float((log_p.argmax(axis=1) == self.targets).mean())
