"""Logistic regressions on blocks of features, and several of them added into one.

    logits = sum_b X_b W_b + bias

Each regression is scikit-learn's, on one block. A dense block beside a sparse one would have to
become sparse for it, with 8 bytes a value and a copy; added logits need no such matrix.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

Block: TypeAlias = npt.NDArray[np.float32] | sparse.csr_matrix
MAX_STEPS = 100  # of one fit; a path of rising strengths goes on from the last


@dataclass(frozen=True)
class LinearModel:
    """What was learnt.

    Args:
        weights: For each block `[features, classes]`.
        bias: `[classes]`.
    """

    weights: tuple[npt.NDArray[np.float32], ...]
    bias: npt.NDArray[np.float32]

    def logits(self, blocks: Sequence[Block]) -> npt.NDArray[np.float32]:
        """A score for each row and class."""
        scores = [block @ weights for block, weights in zip(blocks, self.weights, strict=True)]
        return sum(scores, start=self.bias)


def weighted_sum(models: Sequence[tuple[float, LinearModel]]) -> LinearModel:
    """One model whose logits are the weighted sum of the models' own; it reads all their blocks."""
    weights = [weight * block for weight, model in models for block in model.weights]
    biases = np.stack([weight * model.bias for weight, model in models])
    return LinearModel(tuple(weights), biases.sum(axis=0))


def fit_path(
    block: Block, targets: npt.NDArray[np.intp], num_classes: int, strengths: Sequence[float]
) -> Iterator[LinearModel]:
    """The logistic regression of each strength; each begins where the one before ended.

    Args:
        block: The features, one row for each target.
        targets: Numbers of classes, from 0.
        num_classes: How many there are; one without a row is never predicted.
        strengths: scikit-learn's C, from small to large.
    """
    regression = LogisticRegression(max_iter=MAX_STEPS, warm_start=True)
    for strength in strengths:
        with (
            warnings.catch_warnings()
        ):  # the steps are limited on purpose: dev chooses, not the loss
            warnings.simplefilter("ignore", ConvergenceWarning)
            regression.set_params(C=strength).fit(block, targets)
        yield _model_of(regression, num_classes)


def _model_of(regression: LogisticRegression, num_classes: int) -> LinearModel:
    coefficients, intercepts = regression.coef_, regression.intercept_
    if len(regression.classes_) == 2:  # scikit-learn keeps one column for two classes
        coefficients = np.vstack([np.zeros_like(coefficients), coefficients])
        intercepts = np.array([0.0, intercepts[0]])
    weights = np.zeros((coefficients.shape[1], num_classes), dtype=np.float32)
    bias = np.full(num_classes, -np.inf, dtype=np.float32)
    weights[:, regression.classes_] = coefficients.T
    bias[regression.classes_] = intercepts
    return LinearModel((weights,), bias)
