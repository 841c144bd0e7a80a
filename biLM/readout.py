"""Representations of one text -> the vectors that were asked for.

In this order: choose or mix the layers, after subtracting the mean vector of each if asked; pool
pieces into rows; scale each row to unit length if asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from biLM.errors import LayerError
from biLM.pooling import PieceRange, Pooling, pool
from biLM.scalar_mix import ScalarMix


@dataclass(frozen=True)
class Readout:
    """What to make of the representations.

    Args:
        source: A mix, giving one vector a row; or layer numbers, giving each unmixed.
        pooling: How pieces become a char, word, span or text vector.
        center: Subtract the mean vector of each layer first. Raw LSTM vectors share a large common
            part, and the cosine of two of them mostly measures that.
        normalize: Scale every returned vector to unit L2 norm; a zero vector stays zero.
    """

    source: ScalarMix | tuple[int, ...]
    pooling: Pooling = "mean"
    center: bool = False
    normalize: bool = False

    def num_layers(self) -> int | None:
        """Length of the leading layer axis, None where there is none."""
        return None if isinstance(self.source, ScalarMix) else len(self.source)


def read_out(
    representations: Float[Tensor, "depth time dim"],
    ranges: Sequence[PieceRange] | None,
    center: Float[Tensor, "depth dim"],
    readout: Readout,
) -> Float[Tensor, "*layers rows dim"]:
    """Return one vector per row, or one per layer and row.

    Args:
        representations: Of one text.
        ranges: Pieces of each row; None where each piece is a row.
        center: The mean vector of each layer.
        readout: What to make of them.

    Raises:
        LayerError: a layer the representations do not have.
    """
    if readout.center:
        representations = representations - center[:, None]
    if isinstance(readout.source, ScalarMix):
        vectors = readout.source(representations)
    else:
        vectors = representations[_checked(readout.source, representations.shape[0])]
    if ranges is not None:
        vectors = pool(vectors, ranges, readout.pooling)
    if readout.normalize:
        vectors = torch.nn.functional.normalize(vectors, dim=-1)
    return vectors


def _checked(layers: tuple[int, ...], num_representations: int) -> list[int]:
    for layer in layers:
        if not 0 <= layer < num_representations:
            raise LayerError(f"layer {layer} is not one of 0 to {num_representations - 1}")
    return list(layers)
