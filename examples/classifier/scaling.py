"""Columns of embeddings -> columns of equal weight, rows of about unit length."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CHUNK = 1024  # rows squared at a time: a training set's matrix has no room beside it
CONSTANT = 1e-6  # a deviation below this is rounding


@dataclass(frozen=True)
class Scaling:
    """Mean and factor of each column: `(x - mean) * factor`.

    A factor is 1 / (standard deviation * sqrt(columns)), so that a row is about as long as the
    row of tf-idf beside it and one penalty suits both; 0 for a column that is constant.
    """

    mean: npt.NDArray[np.float32]
    factor: npt.NDArray[np.float32]

    @classmethod
    def of(cls, matrix: npt.NDArray[np.float32]) -> "Scaling":
        """The scaling that fits the rows of a matrix."""
        mean = matrix.mean(axis=0, dtype=np.float64).astype(np.float32)
        total = np.zeros(matrix.shape[1])
        for begin in range(0, len(matrix), CHUNK):
            total += np.square(matrix[begin : begin + CHUNK] - mean).sum(axis=0)
        deviation = np.sqrt(total / len(matrix))
        constant = deviation < CONSTANT
        deviation[constant] = 1
        factor = np.where(constant, 0, 1 / (deviation * np.sqrt(matrix.shape[1])))
        return cls(mean, factor.astype(np.float32))

    def apply(self, matrix: npt.NDArray[np.float32]) -> None:
        """Scale the matrix where it stands."""
        matrix -= self.mean
        matrix *= self.factor
