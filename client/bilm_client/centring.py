"""Centre a collection of vectors: subtract their own mean from each of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from bilm_client.answers import Embedding, WordVectors

Centred = TypeVar("Centred", list[Embedding], WordVectors, npt.NDArray[Any])

Rows = TypeVar("Rows", bound=Embedding | WordVectors)


def center(vectors: Centred) -> Centred:
    """Return the vectors without the mean of all their rows; see `Client.center`.

    Raises:
        ValueError: there is no row, or the vectors are not of one width.
        TypeError: these are not vectors.
    """
    if isinstance(vectors, WordVectors):
        (found,) = _centred([vectors])
        return found
    if isinstance(vectors, np.ndarray):
        if vectors.ndim < 2 or vectors.dtype.kind != "f":
            raise TypeError(
                f"the array has the shape {vectors.shape} and the type {vectors.dtype}; give"
                " floats, [rows, dim] or [layers, rows, dim]"
            )
        return _without_mean(vectors, mean_of([vectors]))
    if not isinstance(vectors, list | tuple) or not all(
        isinstance(one, Embedding) for one in vectors
    ):
        raise TypeError(
            f"these are of type {type(vectors).__name__}; give what embed or word_vectors returns,"
            " or an array of vectors"
        )
    return _centred(vectors)


def _centred(collection: Sequence[Rows]) -> list[Rows]:
    # Rows without pieces are zero: they are not part of the mean, and stay as they are.
    mean = mean_of([np.delete(one.vectors, one.empty_rows, axis=-2) for one in collection])
    found = [replace(one, vectors=_without_mean(one.vectors, mean)) for one in collection]
    for one in found:
        one.vectors[..., one.empty_rows, :] = 0
    return found


def mean_of(arrays: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.float64]:
    """Return the mean of all rows: `[1, dim]`, or `[layers, 1, dim]` for each layer.

    Raises:
        ValueError: there is no row, or the arrays differ in their layers or their width.
    """
    num_rows = sum(array.shape[-2] for array in arrays)
    if num_rows == 0:
        raise ValueError("there is no vector, hence no mean; give at least one")
    shapes = {(*array.shape[:-2], array.shape[-1]) for array in arrays}
    if len(shapes) > 1:
        raise ValueError(
            f"the vectors have {len(shapes)} shapes, {' and '.join(map(str, sorted(shapes)))};"
            " give those of one request"
        )
    total = sum(array.sum(axis=-2, keepdims=True, dtype=np.float64) for array in arrays)
    mean: npt.NDArray[np.float64] = np.asarray(total / num_rows)
    return mean


def _without_mean(array: npt.NDArray[Any], mean: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    return (array - mean).astype(array.dtype)
