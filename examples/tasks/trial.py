"""Compare seven classifiers of the same examples: on characters, on layers, on mixes of layers.

All are logistic regressions; scikit-learn fits the one on characters. The penalties, and the share
of the learned mix when it is combined with the characters, are chosen on a tenth of the training
examples. Then each classifier is fitted on all training examples and judged on the test examples.
Other classifiers can be compared in the same way.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Self, TypeAlias

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import log_softmax

from examples.classifier.errors import DataError
from examples.classifier.linear import fit_path as fit_characters
from examples.tasks.mixed import Array, Numbers, fit
from examples.tasks.report import Score

CHARACTERS, MEAN, LEARNED = "characters", "mean", "learned mix"
BOTH = "learned mix + characters"
STRENGTHS = (1.0, 4.0, 16.0, 64.0)  # values of C
# The share of the mix when its log-probabilities are added to those of the characters.
SHARES = tuple(tenths / 10 for tenths in range(1, 10))
DEV_SHARE = 10  # one training example in ten is held back, to choose settings by
MIN_EXAMPLES = 30  # three of them are held back


class Examples(ABC):
    """Items to fit on or to judge by: texts, of one row each, or sentences, of several rows.

    Args:
        targets: Class of each row, from 0.
        layers: Vectors of each row, `[rows, depth, dim]`.
    """

    targets: Numbers
    layers: Array

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of items."""

    @abstractmethod
    def take(self, items: Numbers) -> Self:
        """Return some of the items."""

    @abstractmethod
    def scaled(self, scale: Array) -> Self:
        """Return the same items, with each layer divided by its scale."""

    @abstractmethod
    def characters(self, others: Self) -> tuple[csr_matrix, csr_matrix]:
        """Return the character features of these items and of others, both learned from these."""

    @property
    @abstractmethod
    def measure(self) -> str:
        """What the score measures, and on how many items."""

    @abstractmethod
    def score(self, log_p: Array, learnt_from: Self) -> float:
        """Return the score of a prediction, log-probabilities `[rows, classes]`."""


@dataclass(frozen=True)
class Result:
    """The result of one classifier.

    Args:
        name: Name of the classifier.
        score: Score on the judged examples.
        log_p: Log-probabilities for the judged examples, `[rows, classes]`.
        s: The share of each layer; empty if the classifier learns no mix.
    """

    name: str
    score: float
    log_p: Array
    s: tuple[float, ...] = ()


@dataclass(frozen=True)
class Stage:
    """Examples to fit on and examples to judge.

    Args:
        fitted: The examples to fit on.
        judged: The examples to judge by.
        num_classes: Number of classes.
        seed: Seed of the order in which the examples are fitted.
    """

    fitted: Examples
    judged: Examples
    num_classes: int
    seed: int

    def characters(self, strength: float) -> Result:
        """Fit and judge a bag of characters."""
        features, others = self.fitted.characters(self.judged)
        (model,) = fit_characters(features, self.fitted.targets, self.num_classes, [strength])
        return self.result(CHARACTERS, model.logits([others]))

    def layer(self, number: int, strength: float) -> Result:
        """Fit and judge one layer alone."""
        return self._mixed(f"layer {number}", lambda x: x[:, number : number + 1], strength)

    def mean(self, strength: float) -> Result:
        """Fit and judge the plain mean of the layers."""
        return self._mixed(MEAN, lambda x: x.mean(axis=1, keepdims=True), strength)

    def learned(self, strength: float) -> Result:
        """Fit and judge a learned mix of the layers."""
        return self._mixed(LEARNED, lambda x: x, strength)

    def beside(self, name: str, vectors: Result, characters: Result, share: float) -> Result:
        """Combine vectors and characters: a weighted sum of their log-probabilities."""
        log_p = share * vectors.log_p + (1 - share) * characters.log_p
        return replace(self.result(name, log_p), s=vectors.s)

    def result(self, name: str, logits: Array) -> Result:
        """Return the result of a classifier, given logits `[rows, classes]` of `judged`."""
        log_p = log_softmax(logits, axis=1)
        return Result(name, self.judged.score(log_p, self.fitted), log_p)

    def _mixed(self, name: str, chosen: Callable[[Array], Array], strength: float) -> Result:
        layers = np.ascontiguousarray(chosen(self.fitted.layers))
        model = fit(layers, self.fitted.targets, self.num_classes, strength, self.seed)
        s = tuple(map(float, model.s)) if name == LEARNED else ()
        return replace(self.result(name, model.logits(chosen(self.judged.layers))), s=s)


@dataclass(frozen=True)
class Tried:
    """The results of one classifier in both stages of a trial."""

    chosen: Result
    final: Result


@dataclass(frozen=True)
class Trial:
    """The two stages in which classifiers are compared.

    Args:
        choosing: Fits without a tenth of the training examples, and judges by that tenth.
        last: Fits on all training examples, and judges by the test examples.
    """

    choosing: Stage
    last: Stage

    @classmethod
    def of(cls, train: Examples, test: Examples, num_classes: int, seed: int) -> "Trial":
        """Return the stages for training and test examples.

        Raises:
            DataError: the examples to fit on are all of one class.
        """
        scale = np.sqrt(np.square(train.layers).sum(axis=2).mean(axis=0))[:, None]
        train, test = train.scaled(scale), test.scaled(scale)
        items, num_dev = np.arange(len(train)), max(1, len(train) // DEV_SHARE)
        fitted, dev = train.take(items[:-num_dev]), train.take(items[-num_dev:])
        if len(np.unique(fitted.targets)) < 2:
            raise DataError(f"{len(fitted)} examples are all of one class; take a larger share")
        return cls(Stage(fitted, dev, num_classes, seed), Stage(train, test, num_classes, seed))

    def regression(self, way: Callable[[Stage, float], Result]) -> Tried:
        """Return the results of a classifier with the penalty that is best in the first stage."""
        strength, chosen = _best(lambda strength: way(self.choosing, strength), STRENGTHS)
        return Tried(chosen, way(self.last, strength))

    def beside(self, vectors: Tried, characters: Tried, name: str) -> Result:
        """Return vectors and characters combined, by the share that is best in the first stage."""
        share, _ = _best(
            lambda share: self.choosing.beside(name, vectors.chosen, characters.chosen, share),
            SHARES,
        )
        return self.last.beside(name, vectors.final, characters.final, share)


def seven_ways(trial: Trial) -> Iterator[Result]:
    """Yield characters, each layer, their mean, the learned mix, and the mix with characters."""
    layers = [
        lambda stage, strength, number=number: stage.layer(number, strength)
        for number in range(trial.last.fitted.layers.shape[1])
    ]
    ways = [Stage.characters, *layers, Stage.mean, Stage.learned]
    tried = {found.final.name: found for found in map(trial.regression, ways)}
    yield from (found.final for found in tried.values())
    yield trial.beside(tried[LEARNED], tried[CHARACTERS], BOTH)


Ways: TypeAlias = Callable[[Trial], Iterator[Result]]
"""Classifiers: what each is worth in the last stage, with what the first one chose."""


def learning_curves(
    train: Examples,
    test: Examples,
    num_classes: int,
    shares: Sequence[float],
    num_seeds: int,
    ways: Ways = seven_ways,
) -> Iterator[Score]:
    """Yield the score of each classifier for each share of the training examples and each seed.

    Raises:
        DataError: the examples that a seed drew are all of one class.
    """
    sizes = sorted({max(MIN_EXAMPLES, round(share * len(train))) for share in shares})
    for size, seed in product(sizes, range(num_seeds)):
        some = train.take(np.random.default_rng(seed).permutation(len(train))[:size])
        for found in ways(Trial.of(some, test, num_classes, seed)):
            score = Score(found.name, len(some), seed, found.score, found.s)
            print(f"{score.name:26} {score.labels:6,} examples  {score.value:.4f}", file=sys.stderr)
            yield score


def _best(way: Callable[[float], Result], settings: Sequence[float]) -> tuple[float, Result]:
    """Return the best setting and its result; the first one among equals."""
    tried = [(setting, way(setting)) for setting in settings]
    return max(tried, key=lambda pair: pair[1].score)
