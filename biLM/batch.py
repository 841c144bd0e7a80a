"""Texts of any length -> rectangles of a few fixed shapes.

oneDNN builds and keeps a primitive for each new shape: with free shapes memory grows with
traffic. So an LSTM call has one of four shapes: 16 rows by one of `COLUMNS`, or a single row. A
text longer than the widest is read in chunks of that width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from jaxtyping import Int
from torch import Tensor

from biLM.model import CHUNK_PIECES

ROWS = (1, 16)
COLUMNS = (16, 32, CHUNK_PIECES)
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


def rectangles(texts: Sequence[Sequence[int]]) -> Iterator[Rectangle]:
    """Lay texts, boundary pieces included, into rectangles; every text in exactly one."""
    order = sorted(range(len(texts)), key=lambda text: (num_columns(len(texts[text])), text))
    for columns, alike in groupby(order, key=lambda text: num_columns(len(texts[text]))):
        left = list(alike)
        while left:
            rows = num_rows(columns)
            yield _lay(texts, left[:rows], rows, columns)
            left = left[rows:]


def num_columns(length: int) -> int:
    """The width for a text of so many pieces: 17 -> 32, 65 -> 128."""
    for columns in COLUMNS:
        if length <= columns:
            return columns
    return -(-length // CHUNK_PIECES) * CHUNK_PIECES


def num_rows(columns: int) -> int:
    """The height of every rectangle of that width, however few texts it holds.

    So the shape a text runs in follows from its own length, and its bits are the same alone and
    among any others: another number of rows would sum the same products in another order.
    """
    return next(rows for rows in reversed(ROWS) if rows == 1 or rows * columns <= MAX_PADDED_PIECES)


def _lay(
    texts: Sequence[Sequence[int]], chosen: Sequence[int], rows: int, columns: int
) -> Rectangle:
    ids = torch.zeros(rows, columns, dtype=torch.long)
    lengths = torch.zeros(rows, dtype=torch.long)
    for row, text in enumerate(chosen):
        lengths[row] = len(texts[text])
        ids[row, : len(texts[text])] = torch.tensor(texts[text], dtype=torch.long)
    return Rectangle(ids, lengths, tuple(chosen))
