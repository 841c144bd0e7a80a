"""One text to read: its piece ids, and which of its pieces make up each row.

The levels are `piece` (one row per piece), `char` (one row per code point), `span` (one row per
span that the caller names), `word` (one row per word of the caller's own segmentation) and `text`
(one row).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from biLM.errors import SpanError
from biLM.limit import NO_LIMIT, Limit
from biLM.network.pooling import PieceRange
from biLM.tokenizer import Offset, Pieces, Tokenizer

Level = Literal["piece", "char", "word", "span", "text"]
# An error message repeats a malformed span of no more than so many numbers, and so many characters
# of it, as a number may have thousands of digits.
SHOWN_NUMBERS, SHOWN_CHARACTERS = 8, 80


@dataclass(frozen=True)
class Passage:
    """One text, and the rows that its vectors belong to.

    Args:
        ids: The piece ids of the whole text.
        ranges: For each row, the half-open range of its pieces; None if each piece is a row.
        offsets: For each row, its place in the text, in code points.
        pieces: The pieces themselves, if each is a row.
        rests: For each row, the piece ids of the text that its pieces contain beside the row: 果
            for the row 苹 of the piece 苹果. None if every row consists of whole pieces.
        truncated: Whether the text has lost pieces, because it had more than its limit.
    """

    ids: tuple[int, ...]
    ranges: tuple[PieceRange, ...] | None
    offsets: tuple[Offset, ...]
    pieces: tuple[str, ...] | None = None
    rests: tuple[tuple[int, ...], ...] | None = None
    truncated: bool = False

    @property
    def num_rows(self) -> int:
        """The number of vectors that are returned, even if the rows have no offsets."""
        return len(self.ids) if self.ranges is None else len(self.ranges)


def piece_passage(tokenizer: Tokenizer, text: str, limit: Limit = NO_LIMIT) -> Passage:
    """Return a text with a row for each piece.

    Raises:
        TextError: as of `Tokenizer.encode`, here and below.
        TextTooLongError: as of `Tokenizer.encode`, here and below.
    """
    found = tokenizer.encode(text, limit)
    return shortened(Passage(found.ids, None, found.offsets, found.pieces), limit)


def char_passage(tokenizer: Tokenizer, text: str, limit: Limit = NO_LIMIT) -> Passage:
    """Return a text with a row for each code point, pooled from every piece that touches it."""
    found = tokenizer.encode(text, limit)
    chars = [(place, place + 1) for place in range(len(text))]
    return shortened(_by_offsets(tokenizer, text, found, chars), limit)


def span_passage(
    tokenizer: Tokenizer, text: str, spans: Sequence[Sequence[int]], limit: Limit = NO_LIMIT
) -> Passage:
    """Return a text with a row for each half-open span of code points.

    Raises:
        SpanError: a span is not 0 <= begin < end <= len(text).
    """
    for number, span in enumerate(spans):
        if len(span) != 2 or not 0 <= span[0] < span[1] <= len(text):
            is_short = len(span) <= SHOWN_NUMBERS
            written = str(list(span)) if is_short else f"a list of {len(span)} numbers"
            raise SpanError(
                f"span {number} is {written[:SHOWN_CHARACTERS]}; it must be [begin, end) with"
                f" 0 <= begin < end <= {len(text)}, the length of the text in code points"
            )
    found = tokenizer.encode(text, limit)
    rows = [(span[0], span[1]) for span in spans]
    return shortened(_by_offsets(tokenizer, text, found, rows), limit)


def word_passage(
    tokenizer: Tokenizer,
    words: Sequence[str],
    level: Literal["word", "piece", "text"] = "word",
    limit: Limit = NO_LIMIT,
) -> Passage:
    """Return a text in the caller's segmentation; no piece crosses the boundary of a word."""
    found, ranges = tokenizer.encode_words(words, limit)
    if level == "piece":
        return shortened(Passage(found.ids, None, found.offsets, found.pieces), limit)
    if level == "text":
        length = sum(map(len, words))
        return shortened(Passage(found.ids, ((0, len(found)),), ((0, length),)), limit)
    offsets = []
    place = 0
    for word in words:
        offsets.append((place, place + len(word)))
        place += len(word)
    return shortened(Passage(found.ids, tuple(ranges), tuple(offsets)), limit)


def text_passage(tokenizer: Tokenizer, text: str, limit: Limit = NO_LIMIT) -> Passage:
    """Return a text with one row, which is zeros if the text has no pieces."""
    found = tokenizer.encode(text, limit)
    return shortened(Passage(found.ids, ((0, len(found)),), ((0, len(text)),)), limit)


def shortened(passage: Passage, limit: Limit) -> Passage:
    """Remove the pieces that a text has beyond its limit, from the end that is to lose them.

    Pooled levels keep every row, even one that has no pieces left; a row that lost a piece loses
    its rest as well.

    Raises:
        TextTooLongError: there are such pieces, and the limit names no end to lose.
    """
    num_pieces = len(passage.ids)
    limit.check(num_pieces)
    if num_pieces <= limit.max_pieces:
        return passage
    begin = num_pieces - limit.max_pieces if limit.lost == "left" else 0
    end = begin + limit.max_pieces
    kept = slice(begin, end)
    ids = passage.ids[kept]
    if passage.ranges is None:
        pieces = passage.pieces and passage.pieces[kept]
        offsets = passage.offsets[kept]
        return replace(passage, ids=ids, offsets=offsets, pieces=pieces, truncated=True)
    ranges = tuple(
        (min(max(first, begin), end) - begin, min(max(last, begin), end) - begin)
        for first, last in passage.ranges
    )
    rests = passage.rests and tuple(
        rest if begin <= first and last <= end else ()
        for rest, (first, last) in zip(passage.rests, passage.ranges, strict=True)
    )
    return replace(passage, ids=ids, ranges=ranges, rests=rests, truncated=True)


def _by_offsets(tokenizer: Tokenizer, text: str, found: Pieces, rows: Sequence[Offset]) -> Passage:
    begins, ends = ([offset[side] for offset in found.offsets] for side in (0, 1))
    ranges, rests = [], []
    for begin, end in rows:
        first, beyond = pieces_of(begins, ends, begin, end)
        ranges.append((first, beyond))
        sides = (
            [text[begins[first] : begin], text[end : ends[beyond - 1]]] if first < beyond else []
        )
        rests.append(tuple(id_ for side in sides if side.strip() for id_ in tokenizer.ids(side)))
    some_rests = tuple(rests) if any(rests) else None
    return Passage(found.ids, tuple(ranges), tuple(rows), rests=some_rests)


def pieces_of(begins: Sequence[int], ends: Sequence[int], begin: int, end: int) -> PieceRange:
    """Return the pieces that touch [begin, end); an empty piece belongs to what follows it.

    Begins and ends of pieces never decrease along a text, so both bounds are found by bisection.
    """
    first_ending_inside = min(bisect_right(ends, begin), bisect_left(begins, begin))
    return first_ending_inside, max(first_ending_inside, bisect_left(begins, end))
