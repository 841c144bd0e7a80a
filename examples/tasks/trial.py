"""Seven classifiers of the same examples: what characters, layers and mixes of layers are worth.

All are logistic regressions, that of characters scikit-learn's. Penalties, and the share of the
learned mix beside the characters, are chosen on a tenth of the training examples; then each is
fitted on all of them and judged on the test examples. Other ways to classify are tried likewise.
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
STRENGTHS = (1.0, 4.0, 16.0, 64.0)  # C
SHARES = tuple(tenths / 10 for tenths in range(1, 10))  # of the mix in the sum with characters
DEV_SHARE = 10  # one example in ten chooses
MIN_EXAMPLES = 30  # of which three choose


class Examples(ABC):
    """What is learnt from and judged: items, such as texts, of one row or of several.

    Args:
        targets: Class of each row, from 0.
        layers: `[rows, depth, dim]`.
    """

    targets: Numbers
    layers: Array

    @abstractmethod
    def __len__(self) -> int:
        """Items."""

    @abstractmethod
    def take(self, items: Numbers) -> Self:
        """Some of the items."""

    @abstractmethod
    def scaled(self, scale: Array) -> Self:
        """The same with each layer divided by its scale."""

    @abstractmethod
    def characters(self, others: Self) -> tuple[csr_matrix, csr_matrix]:
        """What their characters tell, by what is known of these: of these, and of others."""

    @property
    @abstractmethod
    def measure(self) -> str:
        """What a score is, and of how many items."""

    @abstractmethod
    def score(self, log_p: Array, learnt_from: Self) -> float:
        """What an answer `[rows, classes]` is worth."""


@dataclass(frozen=True)
class Result:
    """What a classifier is worth.

    Args:
        name: Of the classifier.
        score: On the judged examples.
        log_p: What it says of them, `[rows, classes]`.
        s: The share of each layer, where they were learnt.
    """

    name: str
    score: float
    log_p: Array
    s: tuple[float, ...] = ()


@dataclass(frozen=True)
class Stage:
    """Examples to fit on and examples to judge.

    Args:
        fitted: The first.
        judged: The others.
        num_classes: Of both.
        seed: Of the order of fitting.
    """

    fitted: Examples
    judged: Examples
    num_classes: int
    seed: int

    def characters(self, strength: float) -> Result:
        """A bag of characters."""
        features, others = self.fitted.characters(self.judged)
        (model,) = fit_characters(features, self.fitted.targets, self.num_classes, [strength])
        return self.result(CHARACTERS, model.logits([others]))

    def layer(self, number: int, strength: float) -> Result:
        """One layer alone."""
        return self._mixed(f"layer {number}", lambda x: x[:, number : number + 1], strength)

    def mean(self, strength: float) -> Result:
        """The plain mean of the layers."""
        return self._mixed(MEAN, lambda x: x.mean(axis=1, keepdims=True), strength)

    def learned(self, strength: float) -> Result:
        """A mix that is learnt."""
        return self._mixed(LEARNED, lambda x: x, strength)

    def beside(self, name: str, vectors: Result, characters: Result, share: float) -> Result:
        """What vectors and characters say together: their logarithms of probability added."""
        log_p = share * vectors.log_p + (1 - share) * characters.log_p
        return replace(self.result(name, log_p), s=vectors.s)

    def result(self, name: str, logits: Array) -> Result:
        """What scores of the judged examples are worth, `[rows, classes]`."""
        log_p = log_softmax(logits, axis=1)
        return Result(name, self.judged.score(log_p, self.fitted), log_p)

    def _mixed(self, name: str, chosen: Callable[[Array], Array], strength: float) -> Result:
        layers = np.ascontiguousarray(chosen(self.fitted.layers))
        model = fit(layers, self.fitted.targets, self.num_classes, strength, self.seed)
        s = tuple(map(float, model.s)) if name == LEARNED else ()
        return replace(self.result(name, model.logits(chosen(self.judged.layers))), s=s)


@dataclass(frozen=True)
class Tried:
    """What a classifier is worth in both stages of a trial."""

    chosen: Result
    final: Result


@dataclass(frozen=True)
class Trial:
    """Examples to learn from and to be judged by, in two stages.

    Args:
        choosing: Holds back a tenth of the training examples and chooses by it.
        last: Is fitted on all of them and judged on the test examples.
    """

    choosing: Stage
    last: Stage

    @classmethod
    def of(cls, train: Examples, test: Examples, num_classes: int, seed: int) -> "Trial":
        """The stages of some examples.

        Raises:
            DataError: those to be fitted on are all of one class.
        """
        scale = np.sqrt(np.square(train.layers).sum(axis=2).mean(axis=0))[:, None]
        train, test = train.scaled(scale), test.scaled(scale)
        items, num_dev = np.arange(len(train)), max(1, len(train) // DEV_SHARE)
        fitted, dev = train.take(items[:-num_dev]), train.take(items[-num_dev:])
        if len(np.unique(fitted.targets)) < 2:
            raise DataError(f"{len(fitted)} examples are all of one class; take a larger share")
        return cls(Stage(fitted, dev, num_classes, seed), Stage(train, test, num_classes, seed))

    def regression(self, way: Callable[[Stage, float], Result]) -> Tried:
        """A classifier with the penalty that is best when choosing."""
        strength, chosen = _best(lambda strength: way(self.choosing, strength), STRENGTHS)
        return Tried(chosen, way(self.last, strength))

    def beside(self, vectors: Tried, characters: Tried, name: str) -> Result:
        """Both together, by the share that is best when choosing."""
        share, _ = _best(
            lambda share: self.choosing.beside(name, vectors.chosen, characters.chosen, share),
            SHARES,
        )
        return self.last.beside(name, vectors.final, characters.final, share)


def seven_ways(trial: Trial) -> Iterator[Result]:
    """Characters, each layer, their mean, the learned mix, and this beside the characters."""
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
    """Each classifier by each share of the training examples; the seed draws them.

    Raises:
        DataError: some that were drawn are all of one class.
    """
    sizes = sorted({max(MIN_EXAMPLES, round(share * len(train))) for share in shares})
    for size, seed in product(sizes, range(num_seeds)):
        some = train.take(np.random.default_rng(seed).permutation(len(train))[:size])
        for found in ways(Trial.of(some, test, num_classes, seed)):
            score = Score(found.name, len(some), seed, found.score, found.s)
            print(f"{score.name:26} {score.labels:6,} examples  {score.value:.4f}", file=sys.stderr)
            yield score


def _best(way: Callable[[float], Result], settings: Sequence[float]) -> tuple[float, Result]:
    """The best result and its setting; of equals the first."""
    tried = [(setting, way(setting)) for setting in settings]
    return max(tried, key=lambda pair: pair[1].score)
