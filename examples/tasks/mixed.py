"""Logistic regression on a mix of layers; the shares of the layers are learned as well.

Peters et al. 2018, "Deep contextualized word representations", section 3.2, equation 1:

    x = gamma * sum_j s_j h_j,    s = softmax(w)
    logits = x V + bias
    loss = mean cross-entropy + |V|^2 / (2 C rows) + penalty * |w|^2

Unlike the paper, the layers are first scaled to the same length, and gamma is 1, because V can take
its place. A single layer is the same model with one share of 1, so that every row of a table has
the same head.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, softmax
from threadpoolctl import threadpool_limits

Array = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.intp]
# The penalty on |w|^2, as in section 3.3 of the paper; it pulls the mix towards the plain mean.
PENALTY = 0.001
EPOCHS = 15
# Few rows make few batches; there are then more epochs than EPOCHS, until this many steps.
MIN_STEPS = 500
# With many rows there are fewer epochs than EPOCHS, so that about this many rows are read.
MAX_SEEN_ROWS = 600_000
BATCH_ROWS = 128
LEARNING_RATE = 0.03  # the rate of Adam; it falls linearly to 0
FIRST_DECAY, SECOND_DECAY = 0.9, 0.999  # Kingma and Ba 2015, algorithm 1
EPSILON = 1e-8


@dataclass(frozen=True)
class Mixed:
    """A trained regression.

    Args:
        w: Raw weights of the layers.
        weights: V, `[dim, classes]`.
        bias: The bias of each class, `[classes]`.
    """

    w: Array
    weights: Array
    bias: Array

    @classmethod
    def of(cls, flat: Array, depth: int, num_classes: int) -> "Mixed":
        """Return a model whose arrays are views of one flat vector."""
        w, weights, bias = np.split(flat, [depth, len(flat) - num_classes])
        return cls(w, weights.reshape(-1, num_classes), bias)

    @property
    def s(self) -> Array:
        """The share of each layer; the shares sum to 1."""
        shares: Array = softmax(self.w)
        return shares

    def logits(self, layers: Array) -> Array:
        """Return a score for each row and class, given layers `[rows, depth, dim]`."""
        scores: Array = np.einsum("j,njc->nc", self.s, _by_layer(layers, self.weights)) + self.bias
        return scores


def fit(layers: Array, targets: Numbers, num_classes: int, strength: float, seed: int) -> Mixed:
    """Learn shares and weights together, with Adam on batches of rows.

    Args:
        layers: The vectors of each row, `[rows, depth, dim]`, scaled to about unit length.
        targets: Class of each row, from 0.
        num_classes: Number of classes.
        strength: C of the equation above; the larger it is, the weaker the penalty on V.
        seed: Seed of the order of the rows.
    """
    num_rows, depth, dim = layers.shape
    flat = np.zeros(depth + (dim + 1) * num_classes, np.float32)
    first, second = np.zeros_like(flat), np.zeros_like(flat)
    decay, step, num_batches = 1 / (strength * num_rows), 0, -(-num_rows // BATCH_ROWS)
    epochs = max(min(EPOCHS, MAX_SEEN_ROWS // num_rows), -(-MIN_STEPS // num_batches))
    order = np.random.default_rng(seed)
    with threadpool_limits(1):  # for products this small, threads would only wait for each other
        for _ in range(epochs):
            for rows in np.array_split(order.permutation(num_rows), num_batches):
                step += 1
                model = Mixed.of(flat, depth, num_classes)
                _, gradient = loss_and_gradient(model, layers[rows], targets[rows], decay)
                first += (1 - FIRST_DECAY) * (gradient - first)
                second += (1 - SECOND_DECAY) * (gradient * gradient - second)
                rate = LEARNING_RATE * (1 - step / (epochs * num_batches))
                spread = np.sqrt(second / (1 - SECOND_DECAY**step)) + EPSILON
                flat -= rate / (1 - FIRST_DECAY**step) * first / spread
    return Mixed.of(flat, depth, num_classes)


def loss_and_gradient(
    model: Mixed, layers: Array, targets: Numbers, decay: float
) -> tuple[float, npt.NDArray[Any]]:
    """Return the loss of some rows, and its gradient in the order w, V, bias."""
    by_layer, s, rows = _by_layer(layers, model.weights), model.s, np.arange(len(targets))
    log_p = log_softmax(np.einsum("j,njc->nc", s, by_layer) + model.bias, axis=1)
    loss = -log_p[rows, targets].mean()
    loss += decay / 2 * np.square(model.weights).sum() + PENALTY * np.square(model.w).sum()

    errors = np.exp(log_p)
    errors[rows, targets] -= 1
    errors /= len(rows)
    shares = np.einsum("nc,njc->j", errors, by_layer)  # with respect to s
    w = s * (shares - (s * shares).sum()) + 2 * PENALTY * model.w
    weights = np.einsum("j,njd->nd", s, layers).T @ errors + decay * model.weights
    return float(loss), np.concatenate([w, weights.reshape(-1), errors.sum(axis=0)])


def _by_layer(layers: Array, weights: Array) -> Array:
    rows, depth, dim = layers.shape
    product: Array = layers.reshape(-1, dim) @ weights  # one product, whatever the depth
    return product.reshape(rows, depth, -1)
