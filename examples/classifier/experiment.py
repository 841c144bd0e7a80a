"""Compare four classifiers of the same texts: tune each on a dev split, judge it on the test split.

Two baselines see characters alone, one classifier sees embeddings, and one sees both. Settings are
chosen on a dev split that is taken from the training texts. Then each classifier is fitted again on
all training texts and judged on the test split.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import accuracy_score, f1_score
from sklearn.naive_bayes import MultinomialNB

from examples.classifier.characters import NGRAMS, Characters
from examples.classifier.embeddings import Embeddings
from examples.classifier.errors import DataError
from examples.classifier.linear import Block, LinearModel, fit_path, weighted_sum
from examples.classifier.scaling import Scaling

NAIVE_BAYES = "naive Bayes, character counts"
LOGISTIC = "logistic regression, character tf-idf"
EMBEDDINGS = "embeddings"
BOTH = "embeddings and characters"
BASELINES = (NAIVE_BAYES, LOGISTIC)
ON_EMBEDDINGS = (EMBEDDINGS, BOTH)
ALPHAS = (0.03, 0.1, 0.3, 1.0)  # naive Bayes: counts added to every n-gram
STRENGTHS = (1.0, 4.0, 16.0, 64.0, 256.0)  # logistic regression: scikit-learn's C
# The share of the embeddings when their logits are added to those of the characters.
SHARES = tuple(tenths / 10 for tenths in range(1, 10))
Grids = Mapping[str, tuple[float, ...]]
GRIDS: Grids = {
    NAIVE_BAYES: ALPHAS,
    LOGISTIC: STRENGTHS,
    EMBEDDINGS: STRENGTHS,
    BOTH: SHARES,
}
NO_MODEL = LinearModel((), np.zeros(0, np.float32))
DEV_SHARE = 10  # one training text in ten


@dataclass(frozen=True)
class Part:
    """Texts, with the class of each as a number, and its embeddings."""

    texts: Sequence[str]
    targets: npt.NDArray[np.intp]
    embeddings: Embeddings

    def take(self, rows: npt.NDArray[np.intp]) -> "Part":
        """Return some of the texts with their classes and embeddings."""
        texts = [self.texts[row] for row in rows]
        return Part(texts, self.targets[rows], self.embeddings.take(rows))


@dataclass(frozen=True)
class Score:
    """The scores of a classifier on one split."""

    accuracy: float
    macro_f1: float


@dataclass(frozen=True)
class Trial:
    """One setting, its scores, and the fitted model, which has no weights for naive Bayes."""

    setting: float
    score: Score
    model: LinearModel = NO_MODEL


@dataclass(frozen=True)
class Outcome:
    """One classifier: its chosen setting, its scores, and the model fitted on all the texts."""

    name: str
    setting: float
    dev: Score
    test: Score
    model: LinearModel


class Stage:
    """One round: features and classifiers are fitted on one part, and judged on another."""

    def __init__(self, fitted: Part, judged: Part, num_classes: int) -> None:
        self._fitted, self._judged = fitted, judged
        self._num_classes = num_classes
        self.characters = Characters.of(fitted.texts)
        dense = fitted.embeddings.load()
        self.scaling = Scaling.of(dense)
        self._blocks = self._scaled(fitted, dense)
        self._judged_blocks = self._scaled(judged, judged.embeddings.load())

    def _scaled(self, part: Part, dense: npt.NDArray[np.float32]) -> dict[str, Block]:
        self.scaling.apply(dense)
        return {EMBEDDINGS: dense, LOGISTIC: self.characters.features(part.texts)}

    def naive_bayes(self, alphas: Sequence[float]) -> Iterator[Trial]:
        """Yield multinomial naive Bayes on counts of every n-gram, for each alpha."""
        vectorizer = CountVectorizer(**NGRAMS)
        counts = vectorizer.fit_transform(self._fitted.texts)
        judged = vectorizer.transform(self._judged.texts)
        for alpha in alphas:
            model = MultinomialNB(alpha=alpha).fit(counts, self._fitted.targets)
            yield Trial(alpha, self._score(model.predict(judged)))

    def path(self, name: str, strengths: Sequence[float]) -> Iterator[Trial]:
        """Yield logistic regressions on one block; each begins where the one before ended."""
        judged = self._judged_blocks[name]
        models = fit_path(self._blocks[name], self._fitted.targets, self._num_classes, strengths)
        for strength, model in zip(strengths, models, strict=True):
            yield Trial(strength, self._score(model.logits([judged]).argmax(axis=1)), model)

    def sums(self, dense: Trial, sparse: Trial, shares: Sequence[float]) -> Iterator[Trial]:
        """Yield weighted sums of two regressions' logits, for each share of the embeddings."""
        judged = [self._judged_blocks[EMBEDDINGS], self._judged_blocks[LOGISTIC]]
        for share in shares:
            model = weighted_sum([(share, dense.model), (1 - share, sparse.model)])
            yield Trial(share, self._score(model.logits(judged).argmax(axis=1)), model)

    def _score(self, predicted: npt.NDArray[Any]) -> Score:  # argmax and scikit-learn differ
        targets = self._judged.targets
        return Score(
            float(accuracy_score(targets, predicted)),
            float(f1_score(targets, predicted, average="macro", zero_division=0)),
        )


def dev_split(texts: Sequence[str]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the rows to fit on, and those to choose settings on: the tenth that hashes lowest.

    The split depends on neither the order of the texts nor the names of the files. Equal texts fall
    on the same side, except for those at the border.

    Raises:
        DataError: there are too few texts.
    """
    num_dev = len(texts) // DEV_SHARE
    if not num_dev:
        raise DataError(f"{len(texts)} training texts; at least {DEV_SHARE} make a dev split")
    digests = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
    order = np.array(sorted(range(len(texts)), key=digests.__getitem__), dtype=np.intp)
    return np.sort(order[num_dev:]), np.sort(order[:num_dev])


def compare(train: Part, test: Part, num_classes: int) -> tuple[list[Outcome], Stage]:
    """Return the outcomes of all four classifiers, and the stage that fitted them last."""
    fit_rows, dev_rows = dev_split(train.texts)
    stage = Stage(train.take(fit_rows), train.take(dev_rows), num_classes)
    dev = _round(stage, GRIDS, _best)

    del stage  # frees about a gigabyte before the next stage needs its own
    stage = Stage(train, test, num_classes)
    # Each grid is run again up to its choice, so that as many steps lead to the final model.
    chosen = {name: grid[: grid.index(dev[name].setting) + 1] for name, grid in GRIDS.items()}
    final = _round(stage, chosen, _last)
    return [
        Outcome(name, dev[name].setting, dev[name].score, final[name].score, final[name].model)
        for name in GRIDS
    ], stage


def _round(
    stage: Stage, grids: Grids, pick: Callable[[Iterable[Trial]], Trial]
) -> dict[str, Trial]:
    characters = pick(stage.path(LOGISTIC, grids[LOGISTIC]))
    embeddings = pick(stage.path(EMBEDDINGS, grids[EMBEDDINGS]))
    return {
        NAIVE_BAYES: pick(stage.naive_bayes(grids[NAIVE_BAYES])),
        LOGISTIC: characters,
        EMBEDDINGS: embeddings,
        BOTH: pick(stage.sums(embeddings, characters, grids[BOTH])),
    }


def _best(trials: Iterable[Trial]) -> Trial:
    """Return the most accurate trial; the first one among equals."""
    return max(trials, key=lambda trial: trial.score.accuracy)


def _last(trials: Iterable[Trial]) -> Trial:
    *_, last = trials
    return last
