"""The context of a row: what the heads expect around and in its place without seeing the row.

A row r is a piece, a word or a span: the pieces from begin up to, but not including, end. Let z_r
be what the cloze head expects in its place, f_k what the forward head expects after k pieces, and
g_k what the backward head expects before piece k, read from the end (`biLM.network.heads`):

    context_r = z_r + mean of f_k over k <= begin + mean of g_k over k >= end + 3 e_r

In both means, a place counts half as much as the next place towards the row. The first term says
which words would fit, and the two means say what the text is about, as far as either side reveals
it; the sense of a word shows in both. docs/decisions/0017 and 0044 have the figures.

If a row is only a part of a piece, such as 行 of 银行, e_r is the mean embedding of the rest, 银;
otherwise it is zero. It weighs as much as the three other terms together, because they know nothing
of the rest. docs/decisions/0043 has the figures.
"""

from collections.abc import Callable, Generator, Sequence
from itertools import accumulate, chain, pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from biLM.network.heads import Heads
from biLM.network.pooling import PieceRange, pool
from biLM.questions.question import BLOCK_PLACES

# The rest of a piece weighs as much as the three other terms of the equation together.
WEIGHT_OF_THE_REST = 3


def contexts(
    top: Float[Tensor, "framed dim"],
    ranges: Sequence[PieceRange] | None,
    rests: Sequence[Sequence[int]] | None,
    heads: Heads,
    embedding: nn.Embedding,
) -> Generator[None, None, Float[Tensor, "rows dim"]]:
    """Return the context of each row of one text, repeated to the width of a representation.

    It pauses after each block of places.

    Args:
        top: The last representation of a text and of its two boundary pieces.
        ranges: The range of pieces of each row; None if each piece is a row.
        rests: Piece ids of the rest of each row's pieces; None if no row has a rest.
        heads: The heads of the artifact.
        embedding: The piece embedding.
    """
    if ranges is None:
        ranges = [(piece, piece + 1) for piece in range(len(top) - 2)]
    bounds = torch.tensor(ranges, dtype=torch.long, device=top.device)
    begin, end = bounds.reshape(-1, 2).unbind(1)
    # Piece k is in column k + 1, so column `begin` is the piece before the row.
    left, right = top.chunk(2, dim=-1)
    here = yield from _in_blocks(heads.cloze, left[begin], right[end + 1])
    so_far = yield from _in_blocks(heads.forward_head, left[:-1])
    to_come = yield from _in_blocks(heads.backward_head, right[1:].flip(0))
    context = here + _near_mean(so_far)[begin] + _near_mean(to_come).flip(0)[end]
    if rests is not None:
        context = context + WEIGHT_OF_THE_REST * _mean_embeddings(rests, embedding)
    return context.repeat(1, top.shape[-1] // context.shape[-1])


def num_blocks(num_pieces: int, num_rows: int) -> int:
    """Return how many blocks of places `contexts` gives to a head; without places it is one."""
    places = max(1, num_rows), num_pieces + 1, num_pieces + 1
    return sum(-(-number // BLOCK_PLACES) for number in places)


def _in_blocks(
    head: Callable[..., Tensor], *states: Float[Tensor, "place _"]
) -> Generator[None, None, Float[Tensor, "place width"]]:
    """Apply a head in blocks of one fixed size, so that other places never change a place's bits.

    With another number of places, a kernel would sum the products in another order. It pauses after
    each block.
    """
    places = len(states[0])
    padding = (0, 0, 0, -places % BLOCK_PLACES)
    padded = (nn.functional.pad(state, padding) for state in states)
    blocks = (torch.split(state, BLOCK_PLACES) for state in padded)
    found = []
    for block in zip(*blocks, strict=True):
        found.append(head(*block))
        yield
    return torch.cat(found)[:places]


def _near_mean(x: Float[Tensor, "place width"]) -> Float[Tensor, "place width"]:
    """Return the mean of all places up to each; a place counts half as much as the next one.

    Five steps sum the last 2, 4, 8, 16 and 32 places. A place further away weighs less than float32
    can resolve.
    """
    total = x
    for far in (1, 2, 4, 8, 16):
        earlier = nn.functional.pad(total, (0, 0, far, 0))[: len(x)]
        total = total + 0.5**far * earlier
    places = torch.arange(len(x), dtype=x.dtype, device=x.device)
    weights = 2 - 0.5**places  # 1 + 1/2 + 1/4 + ..., one term per place
    return total / weights[:, None]


def _mean_embeddings(
    rows: Sequence[Sequence[int]], embedding: nn.Embedding
) -> Float[Tensor, "rows width"]:
    """Return the mean embedding of the pieces of each row; zeros for a row without pieces."""
    every, device = [*chain.from_iterable(rows)], embedding.weight.device
    ids = torch.tensor(every, dtype=torch.long, device=device)
    ends = accumulate(map(len, rows), initial=0)
    return pool(embedding(ids), [*pairwise(ends)], "mean")
