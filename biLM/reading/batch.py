"""Put texts of any length into batches, which are read strip by strip in a few fixed shapes.

oneDNN builds and keeps a primitive for each new shape. If every shape were allowed, memory would
grow with traffic. So a batch holds texts of any lengths, the longest first, and is cut into strips,
each of one of `SHAPES`. Where texts have ended, the strips have fewer rows:

    我 爱 吃 苹 果 ， 也 | 爱 吃 梨 。
    打 开 这 个 菜 单 。 |
    苹 果 。             |

In whole rectangles, such as `pad_sequence` makes, padding would cost as much as the text.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
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
# These heights suffice where a step takes as long with few rows as with many.
FEW_HEIGHTS = (1, 2, 4, 8, 16, 32, 64, 128)
WIDTHS = (4, 8, 16, 32, 64)
# With this many pieces in a call, the fixed cost of the call is negligible.
MAX_STRIP_PIECES = 512
SHAPES: tuple[Shape, ...] = tuple(
    (height, width) for height in HEIGHTS for width in WIDTHS if height * width <= MAX_STRIP_PIECES
)
# If this is the only shape, a text gets the same bits whatever the other texts are.
SURE_SHAPE: Shape = (16, 8)
# In a batch and in a queue, the length of a text counts rounded up to a multiple of this, however
# the batch is cut.
COUNTED_COLUMNS = 8
# A long text that is read alone can pause after this many columns, a multiple of every width.
STRETCH_COLUMNS = 64
# A batch holds at most this many pieces, counted in that way. This bounds its memory.
MAX_BATCH_PIECES = 8192


class Strip(NamedTuple):
    """The part of a batch that one LSTM call reads."""

    rows: slice
    columns: slice


@dataclass(frozen=True)
class Batch:
    """Rows that are read together.

    Args:
        ids: Piece ids, the longest text first, padded on the right; the last rows may be padding.
        lengths: Number of pieces in each text.
        strips: The strips, which together cover every piece of every text exactly once.
        texts: The number of the text in each of the first rows.
    """

    ids: Int[np.ndarray, "batch time"]
    lengths: Int[np.ndarray, " text"]
    strips: tuple[Strip, ...]
    texts: tuple[int, ...]


def batches(
    texts: Sequence[Sequence[int]], shapes: Collection[Shape] = (SURE_SHAPE,)
) -> Iterator[Batch]:
    """Put each text, boundary pieces included, into one batch, and yield the batches.

    Args:
        texts: The piece ids of each text.
        shapes: The shapes in which a row gets the same bits; see `Encoder.warm_up`.
    """
    left = sorted(range(len(texts)), key=lambda text: (-len(texts[text]), text))
    highest = max(height for height, _ in shapes)
    while left:
        number = _num_texts([len(texts[text]) for text in left[:highest]])
        yield _lay(texts, left[:number], shapes)
        left = left[number:]


def padded_pieces(length: int) -> int:
    """Return how many pieces a text of this length counts as in a batch: 9 -> 16."""
    return _rounded_up(length, COUNTED_COLUMNS)


def most_read(num_pieces: int, longest: int, shapes: Collection[Shape]) -> int:
    """Return how many pieces the strips of a batch have at most, padding included.

    Below the lowest height, every column of the longest text has that height. Above it, a strip is
    higher than its texts by no more than from one text beyond a height to the next one. A row of
    strips may end later than its texts, by less than its narrowest strip.

    Args:
        num_pieces: Pieces of all texts of the batch, counted as `padded_pieces` does.
        longest: The most pieces of one text, counted in the same way.
        shapes: The shapes in use.
    """
    narrowest: dict[int, int] = {}
    for height, width in shapes:
        narrowest[height] = min(width, narrowest.get(height, width))
    heights = sorted(narrowest)
    ratio = max((higher / (lower + 1) for lower, higher in pairwise(heights)), default=0.0)
    late_ends = sum(height * width for height, width in narrowest.items())
    return heights[0] * longest + math.ceil(ratio * num_pieces) + late_ends


def num_stretches(length: int) -> int:
    """Return in how many stretches a text of this length is read alone."""
    return -(-length // STRETCH_COLUMNS)


def strips(lengths: Sequence[int], shapes: Collection[Shape]) -> Iterator[Strip]:
    """Cut rows of the given lengths, the longest first, into strips, from left to right."""
    heights, begin = sorted({height for height, _ in shapes}), 0
    while begin < lengths[0]:
        still_read = sum(length > begin for length in lengths)
        place = next(n for n, height in enumerate(heights) if height >= still_read)
        lower = heights[place - 1] if place else 0
        for strip in _row_of_strips(heights[place], begin, lengths[lower], shapes):
            yield strip
            begin = strip.columns.stop


def _num_texts(lengths: Sequence[int]) -> int:
    """Return how many of the longest texts fit into one batch; at least 1."""
    pieces = 0
    for number, length in enumerate(lengths):
        pieces += padded_pieces(length)
        if number and pieces > MAX_BATCH_PIECES:
            return number
    return len(lengths)


def _row_of_strips(height: int, begin: int, end: int, shapes: Collection[Shape]) -> Iterator[Strip]:
    """Yield strips of one height side by side, the widest first, from `begin` to `end`."""
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
