"""Texts of any length -> batches, read strip by strip in calls of a few fixed shapes.

oneDNN builds and keeps a primitive for each new shape: with free shapes memory grows with
traffic. So a batch holds texts of any lengths, the longest first, and is cut into strips of one of
`SHAPES`; where texts have ended, the strips are lower:

    我 爱 吃 苹 果 ， 也 | 爱 吃 梨 。
    打 开 这 个 菜 单 。 |
    苹 果 。             |

With whole rectangles, as `pad_sequence` makes them, padding would cost as much as text.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

Shape = tuple[int, int]  # rows, columns

HEIGHTS = (
    *range(1, 8),
    *range(8, 16, 2),
    *range(16, 32, 4),
    *range(32, 64, 8),
    *range(64, 129, 16),
)
FEW_HEIGHTS = (1, 2, 4, 8, 16, 32, 64, 128)  # where a step takes as long with fewer rows
WIDTHS = (4, 8, 16, 32, 64)
MAX_STRIP_PIECES = 512  # beside so many, what a call costs by itself is nothing
SHAPES: tuple[Shape, ...] = tuple(
    (height, width) for height in HEIGHTS for width in WIDTHS if height * width <= MAX_STRIP_PIECES
)
SURE_SHAPE: Shape = (16, 8)  # with one shape alone a text has the same bits in any company
COUNTED_COLUMNS = 8  # by which a text counts, in a batch and in a queue, however it is cut
MAX_BATCH_PIECES = 8192  # of its texts, each rounded up to whole columns; bounds the memory


class Strip(NamedTuple):
    """What one LSTM call reads of a batch."""

    rows: slice
    columns: slice


@dataclass(frozen=True)
class Batch:
    """Rows that run together.

    Args:
        ids: Piece ids, the longest text first, padded on the right; the last rows may be padding.
        lengths: Pieces of each text.
        strips: Together they cover every piece of every text, each once.
        texts: Which text stands in each of the first rows.
    """

    ids: Int[np.ndarray, "batch time"]
    lengths: Int[np.ndarray, " text"]
    strips: tuple[Strip, ...]
    texts: tuple[int, ...]


def batches(
    texts: Sequence[Sequence[int]], shapes: Collection[Shape] = (SURE_SHAPE,)
) -> Iterator[Batch]:
    """Lay texts, boundary pieces included, into batches; every text in exactly one.

    Args:
        texts: Piece ids.
        shapes: Those in which a row has the same bits; see `Encoder.warm_up`.
    """
    left = sorted(range(len(texts)), key=lambda text: (-len(texts[text]), text))
    highest = max(height for height, _ in shapes)
    while left:
        number = _num_texts([len(texts[text]) for text in left[:highest]])
        yield _lay(texts, left[:number], shapes)
        left = left[number:]


def padded_pieces(length: int) -> int:
    """What a text of so many pieces counts in a batch: 9 -> 16."""
    return _rounded_up(length, COUNTED_COLUMNS)


def strips(lengths: Sequence[int], shapes: Collection[Shape]) -> Iterator[Strip]:
    """Cut rows of such lengths, the longest first, into strips, from left to right."""
    heights, begin = sorted({height for height, _ in shapes}), 0
    while begin < lengths[0]:
        still_read = sum(length > begin for length in lengths)
        place = next(n for n, height in enumerate(heights) if height >= still_read)
        lower = heights[place - 1] if place else 0
        for strip in _row_of_strips(heights[place], begin, lengths[lower], shapes):
            yield strip
            begin = strip.columns.stop


def _num_texts(lengths: Sequence[int]) -> int:
    """How many of the longest texts one batch takes: at least one, and no more than it holds."""
    pieces = 0
    for number, length in enumerate(lengths):
        pieces += padded_pieces(length)
        if number and pieces > MAX_BATCH_PIECES:
            return number
    return len(lengths)


def _row_of_strips(height: int, begin: int, end: int, shapes: Collection[Shape]) -> Iterator[Strip]:
    """Strips of one height side by side, until all of it is read; the widest first."""
    widths = sorted((width for rows, width in shapes if rows == height), reverse=True)
    while begin < end:
        left = _rounded_up(end - begin, widths[-1])
        width = next(width for width in widths if width <= left)
        yield Strip(slice(0, height), slice(begin, begin + width))
        begin += width


def _lay(texts: Sequence[Sequence[int]], chosen: Sequence[int], shapes: Collection[Shape]) -> Batch:
    lengths = [len(texts[text]) for text in chosen]
    cut = tuple(strips(lengths, shapes))
    num_rows, num_columns = (max(edge.stop for edge in edges) for edges in zip(*cut, strict=True))
    ids = np.zeros((num_rows, num_columns), dtype=np.int64)
    for row, text in enumerate(chosen):
        ids[row, : lengths[row]] = texts[text]
    return Batch(ids, np.array(lengths), cut, tuple(chosen))


def _rounded_up(number: int, step: int) -> int:
    return -(-number // step) * step
