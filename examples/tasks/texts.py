"""Texts with labels, as examples of one row each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from scipy.sparse import csr_matrix

from examples.classifier.characters import Characters
from examples.tasks.mixed import Array, Numbers
from examples.tasks.trial import Examples


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

    def score(self, log_p: Array, learnt_from: Self) -> float:
        """Accuracy."""
        return float((log_p.argmax(axis=1) == self.targets).mean())
