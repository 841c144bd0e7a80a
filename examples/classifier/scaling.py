"""Scale embeddings to columns of equal weight and rows of about unit length."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Rows are squared this many at a time: memory has no room for a second matrix of a training set.
CHUNK = 1024
CONSTANT = 1e-6  # a standard deviation below this is only rounding


@dataclass(frozen=True)
class Scaling:
    """Mean and factor of each column: `(x - mean) * factor`.

    A factor is 1 / (standard deviation * sqrt(columns)), so that a row is about as long as a row of
    tf-idf, and one penalty suits both. The factor of a constant column is 0.
    """

    mean: npt.NDArray[np.float32]
    factor: npt.NDArray[np.float32]

    @classmethod
    def of(cls, matrix: npt.NDArray[np.float32]) -> "Scaling":
        """Return the scaling that fits the rows of a matrix."""
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
        """Scale the matrix in place."""
        matrix -= self.mean
        matrix *= self.factor
