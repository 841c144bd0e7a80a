"""Texts of any length -> rectangles of a few fixed shapes.

oneDNN builds and keeps a primitive for each new shape: with free shapes memory grows with
traffic. So an LSTM call has one of `HEIGHTS` rows by one of `COLUMNS`, and a text longer than the
widest is read in chunks of that width and a last one of the narrowest that holds the rest. One or
two texts run alone, a few take a low rectangle, which is soon done, and many a high one, which
costs least for each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from jaxtyping import Int
from torch import Tensor

from biLM.model import CHUNK_PIECES

HEIGHTS = (1, 8, 16, 32, 64, 128)
SURE_HEIGHTS = (16,)  # one height alone is the same to the bit on any machine
COLUMNS = (16, 24, 32, 48, CHUNK_PIECES)
FEW_TEXTS = 2
MAX_SHARED_COLUMNS = 4 * CHUNK_PIECES  # a wider text runs alone
MAX_PADDED_PIECES = 4096  # of a rectangle with more than one row


@dataclass(frozen=True)
class Rectangle:
    """Rows that run together.

    Args:
        ids: Piece ids, padded on the right; rows without a text are all padding.
        lengths: Pieces of each row that are not padding.
        texts: Which text stands in each of the first rows.
    """

    ids: Int[Tensor, "batch time"]
    lengths: Int[Tensor, " batch"]
    texts: tuple[int, ...]


def rectangles(
    texts: Sequence[Sequence[int]], heights: Sequence[int] = SURE_HEIGHTS
) -> Iterator[Rectangle]:
    """Lay texts, boundary pieces included, into rectangles; every text in exactly one.

    Args:
        texts: Piece ids.
        heights: Those with which a row has the same bits; see `Encoder.warm_up`.
    """
    order = sorted(range(len(texts)), key=lambda text: (num_columns(len(texts[text])), text))
    for columns, alike in groupby(order, key=lambda text: num_columns(len(texts[text]))):
        left = list(alike)
        while left:
            rows = num_rows(columns, len(left), heights)
            yield _lay(texts, left[:rows], rows, columns)
            left = left[rows:]


def num_columns(length: int) -> int:
    """The width for a text of so many pieces: whole chunks, and the narrowest that holds the rest.

    17 -> 24, 65 -> 64 + 16.
    """
    whole, rest = divmod(length, CHUNK_PIECES)
    last = next(columns for columns in COLUMNS if rest <= columns) if rest or not whole else 0
    return whole * CHUNK_PIECES + last


def num_rows(columns: int, num_texts: int, heights: Sequence[int]) -> int:
    """The lowest height that holds all texts of that width, or the highest there is.

    A row alone takes less than half of what a few take: two texts run one after the other.
    """
    if columns > MAX_SHARED_COLUMNS or (num_texts <= FEW_TEXTS and 1 in heights):
        return 1
    possible = [height for height in heights if height * columns <= MAX_PADDED_PIECES]
    return next((height for height in possible if height >= num_texts), possible[-1])


def _lay(
    texts: Sequence[Sequence[int]], chosen: Sequence[int], rows: int, columns: int
) -> Rectangle:
    ids = torch.zeros(rows, columns, dtype=torch.long)
    lengths = torch.zeros(rows, dtype=torch.long)
    for row, text in enumerate(chosen):
        lengths[row] = len(texts[text])
        ids[row, : len(texts[text])] = torch.tensor(texts[text], dtype=torch.long)
    return Rectangle(ids, lengths, tuple(chosen))
