"""Pool the vectors of pieces into one vector per row; a row is a char, word, span or text."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor

Pooling = Literal["mean", "max", "first", "last"]
POOLINGS: tuple[Pooling, ...] = get_args(Pooling)
# Pieces that are gathered at once: the rows of a text may together have many times its pieces.
GATHERED = 1024
PieceRange = tuple[int, int]
"""Half-open range of pieces that make up one row; empty for a row no piece stands on."""


def pool(
    vectors: Float[Tensor, "*depth time dim"], ranges: Sequence[PieceRange], pooling: Pooling
) -> Float[Tensor, "*depth rows dim"]:
    """Return one vector per range of pieces; a range without pieces gives zeros."""
    bounds = torch.tensor(ranges, dtype=torch.long, device=vectors.device).reshape(-1, 2)
    sizes = bounds[:, 1] - bounds[:, 0]
    if pooling in ("first", "last"):
        chosen = bounds[:, 0] if pooling == "first" else bounds[:, 1] - 1
        pooled = vectors[..., torch.where(sizes > 0, chosen, 0), :] if vectors.shape[-2] else None
        return _without_empty(pooled, vectors, sizes)
    # Without the number of pieces, another device would have to be waited for.
    num_pieces = sum(end - begin for begin, end in ranges)
    rows = torch.arange(len(ranges), device=vectors.device)
    rows = rows.repeat_interleave(sizes, output_size=num_pieces)
    pieces = torch.arange(num_pieces, device=vectors.device)
    pieces = pieces + (bounds[:, 0] - (sizes.cumsum(0) - sizes))[rows]
    shape = *vectors.shape[:-2], len(ranges), vectors.shape[-1]
    pooled = vectors.new_full(shape, 0.0 if pooling == "mean" else -torch.inf)
    for row, piece in zip(*(torch.split(one, GATHERED) for one in (rows, pieces)), strict=True):
        gathered = vectors[..., piece, :]
        if pooling == "mean":
            pooled.index_add_(-2, row, gathered)
        else:
            pooled.scatter_reduce_(-2, row[:, None].expand_as(gathered), gathered, "amax")
    if pooling == "mean":
        return pooled / sizes.clamp(min=1).to(pooled.dtype)[:, None]
    return pooled.masked_fill((sizes == 0)[:, None], 0.0)


def _without_empty(
    pooled: Tensor | None, vectors: Tensor, sizes: Int[Tensor, " rows"]
) -> Float[Tensor, "*depth rows dim"]:
    if pooled is None:
        return vectors.new_zeros(*vectors.shape[:-2], len(sizes), vectors.shape[-1])
    return pooled * (sizes > 0).to(pooled.dtype)[:, None]
