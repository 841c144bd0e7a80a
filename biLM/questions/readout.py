"""Turn the representations of one text into the requested vectors.

The steps are, in this order: centre each layer if requested; choose or mix the layers; pool pieces
into rows; scale each row to unit length if requested.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from biLM.errors import LayerError
from biLM.network.config import CONTEXT, Layer
from biLM.network.geometry import Geometry
from biLM.network.pooling import PieceRange, Pooling, pool
from biLM.network.scalar_mix import ScalarMix


@dataclass(frozen=True)
class Readout:
    """How the representations of a text become vectors.

    Args:
        source: A mix, which gives one vector per row, or layers, which are returned unmixed. A
            layer is a number or `context`, which is what the model predicts in and around the place
            of a row without seeing the row. If a row is only a part of a piece, the rest of that
            piece counts as its surroundings.
        pooling: How the vectors of pieces become the vector of a char, word, span or text.
        center: Whether to subtract the mean vector of each layer first and bound what remains, so
            that cosines are meaningful; see `biLM.network.geometry`.
        normalize: Whether to scale every returned vector to unit L2 norm; a zero vector stays zero.
    """

    source: ScalarMix | tuple[Layer, ...]
    pooling: Pooling = "mean"
    center: bool = False
    normalize: bool = False

    @property
    def layer_axis(self) -> int | None:
        """The length of the leading layer axis of the vectors; None for a mix, which has none."""
        return None if isinstance(self.source, ScalarMix) else len(self.source)

    @property
    def has_context(self) -> bool:
        """Whether the context of each row is requested."""
        return not isinstance(self.source, ScalarMix) and CONTEXT in self.source


def read_out(
    representations: Float[Tensor, "depth time dim"],
    ranges: Sequence[PieceRange] | None,
    geometry: Geometry,
    readout: Readout,
    context: Float[Tensor, "rows dim"] | None = None,
) -> Float[Tensor, "*layers rows dim"]:
    """Return one vector per row, or one per layer and row.

    Args:
        representations: The representations of one text.
        ranges: The range of pieces of each row; None if each piece is a row.
        geometry: The mean vectors and bounds of the layers and of the context.
        readout: How to make the vectors.
        context: The context of each row if the readout requests it, else None.

    Raises:
        LayerError: the readout names a layer that the model does not have.
    """
    assert (context is not None) == readout.has_context, "an unasked or missing context; a bug"
    if isinstance(readout.source, ScalarMix):
        prepared = [geometry.of_layer] if readout.center else []
        vectors = _pooled(readout.source(representations, *prepared), ranges, readout)
    else:
        numbers = _checked(readout.source, representations.shape[0])
        chosen = representations[numbers]  # a copy, which may be changed
        if readout.center:
            geometry.center_layers(chosen, numbers)
        vectors = _pooled(chosen, ranges, readout)
        if context is not None:
            context = geometry.of_context(context) if readout.center else context
            vectors = _with_context(vectors, context, readout.source, ranges)
    if readout.normalize:
        vectors = torch.nn.functional.normalize(vectors, dim=-1)
    return vectors


def _checked(layers: tuple[Layer, ...], num_representations: int) -> list[int]:
    numbers = [layer for layer in layers if layer != CONTEXT]
    for number in numbers:
        if not 0 <= number < num_representations:
            raise LayerError(f"layer {number} is not one of 0 to {num_representations - 1}")
    return numbers


def _pooled(
    vectors: Float[Tensor, "*layers time dim"],
    ranges: Sequence[PieceRange] | None,
    readout: Readout,
) -> Float[Tensor, "*layers rows dim"]:
    return vectors if ranges is None else pool(vectors, ranges, readout.pooling)


def _with_context(
    vectors: Float[Tensor, "numbers rows dim"],
    context: Float[Tensor, "rows dim"],
    layers: tuple[Layer, ...],
    ranges: Sequence[PieceRange] | None,
) -> Float[Tensor, "layers rows dim"]:
    if ranges is not None:  # a row without pieces is zero in every layer
        has_pieces = [begin < end for begin, end in ranges]
        kept = torch.tensor(has_pieces, dtype=torch.bool, device=context.device)
        context = context * kept[:, None]
    numbered = iter(vectors)
    chosen = [context if layer == CONTEXT else next(numbered) for layer in layers]
    return torch.stack(chosen)
