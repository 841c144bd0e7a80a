"""Logistic regressions on blocks of features, and sums of several regressions.

    logits = sum_b X_b W_b + bias

scikit-learn fits each regression on one block. To fit a dense block together with a sparse one, it
would need the dense one as a sparse copy, at 8 bytes per value; a sum of logits needs no such copy.
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
# The most steps of one fit; along a path of rising strengths, each fit continues the last one.
MAX_STEPS = 100


@dataclass(frozen=True)
class LinearModel:
    """A trained linear model.

    Args:
        weights: The weights of each block, `[features, classes]`.
        bias: The bias of each class, `[classes]`.
    """

    weights: tuple[npt.NDArray[np.float32], ...]
    bias: npt.NDArray[np.float32]

    def logits(self, blocks: Sequence[Block]) -> npt.NDArray[np.float32]:
        """Return a score for each row and class."""
        scores = [block @ weights for block, weights in zip(blocks, self.weights, strict=True)]
        return sum(scores, start=self.bias)


def weighted_sum(models: Sequence[tuple[float, LinearModel]]) -> LinearModel:
    """Return one model of all blocks, whose logits are the weighted sum of the models' logits."""
    weights = [weight * block for weight, model in models for block in model.weights]
    biases = np.stack([weight * model.bias for weight, model in models])
    return LinearModel(tuple(weights), biases.sum(axis=0))


def fit_path(
    block: Block, targets: npt.NDArray[np.intp], num_classes: int, strengths: Sequence[float]
) -> Iterator[LinearModel]:
    """Yield a logistic regression for each strength; each begins where the one before ended.

    Args:
        block: The features, one row for each target.
        targets: Class of each row, from 0.
        num_classes: Number of classes; a class without a row is never predicted.
        strengths: Values of scikit-learn's C, in rising order.
    """
    regression = LogisticRegression(max_iter=MAX_STEPS, warm_start=True)
    for strength in strengths:
        # The number of steps is limited on purpose: the dev split decides, not the loss.
        with warnings.catch_warnings():
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
