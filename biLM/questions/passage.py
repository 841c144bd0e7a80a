"""One text to read: its piece ids, and which of its pieces make up each row.

The levels are `piece` (one row per piece), `char` (one row per code point), `span` (one row per
span that the caller names), `word` (one row per word of the caller's own segmentation) and `text`
(one row).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Literal

from biLM.errors import IdError, SpanError, TextError
from biLM.given import list_of, text_of, whole_number
from biLM.limit import NO_LIMIT, Limit
from biLM.network.pooling import PieceRange
from biLM.questions.allowed_pieces import CONTINUING, MAX_BYTES, missing_bytes
from biLM.tokenizer import Offset, Pieces, Tokenizer

Level = Literal["piece", "char", "word", "span", "text"]
# An error message shows a malformed span if it has at most this many numbers, and of that at most
# this many characters, because one number may have thousands of digits.
SHOWN_NUMBERS, SHOWN_CHARACTERS = 8, 80
WORDS = "a list of words, such as ['我', '吃', '苹果']"
SPANS = "a list of spans [begin, end), such as [(0, 2), (3, 5)]"
SPAN = "two whole numbers [begin, end)"
IDS = "a list of piece ids, as `pieces(text).ids` has them"


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

    @property
    def empty_rows(self) -> list[int]:
        """The numbers of the rows that have no pieces, whose vectors are therefore zero."""
        return [row for row, (begin, end) in enumerate(self.ranges or ()) if begin == end]


def piece_passage(tokenizer: Tokenizer, text: str, limit: Limit = NO_LIMIT) -> Passage:
    """Return a text with a row for each piece.

    Raises:
        TextError: see `Tokenizer.encode`, here and below.
        TextTooLongError: see `Tokenizer.encode`, here and below.
    """
    found = tokenizer.encode(text, limit)
    passage = Passage(found.ids, None, found.offsets, found.pieces)
    return shortened(passage, limit, found.is_inside_character)


def char_passage(tokenizer: Tokenizer, text: str, limit: Limit = NO_LIMIT) -> Passage:
    """Return a text with a row for each code point, pooled from every piece that touches it.

    A code point that vanishes when the text is read has no pieces, even where it stands inside one.
    """
    found = tokenizer.encode(text, limit)
    chars = [(place, place + 1) for place in range(len(text))]
    passage = _by_offsets(tokenizer, text, found, chars)
    return shortened(passage, limit, found.is_inside_character)


def span_passage(
    tokenizer: Tokenizer, text: str, spans: Sequence[Sequence[int]], limit: Limit = NO_LIMIT
) -> Passage:
    """Return a text with a row for each half-open span of code points.

    Raises:
        SpanError: a span is not 0 <= begin < end <= len(text), or not two whole numbers.
    """
    text = text_of(text)
    pairs = [
        [whole_number(one, f"a number of span {number}", SpanError) for one in ends]
        for number, given in enumerate(list_of(spans, "the list of spans", SPANS, SpanError))
        for ends in [list_of(given, f"span {number}", SPAN, SpanError)]
    ]
    for number, span in enumerate(pairs):
        if len(span) != 2 or not 0 <= span[0] < span[1] <= len(text):
            is_short = len(span) <= SHOWN_NUMBERS
            written = str(span) if is_short else f"a list of {len(span)} numbers"
            raise SpanError(
                f"span {number} is {written[:SHOWN_CHARACTERS]}; it must be [begin, end) with"
                f" 0 <= begin < end <= {len(text)}, the length of the text in code points"
            )
    found = tokenizer.encode(text, limit)
    rows = [(begin, end) for begin, end in pairs]
    passage = _by_offsets(tokenizer, text, found, rows)
    return shortened(passage, limit, found.is_inside_character)


def word_passage(
    tokenizer: Tokenizer,
    words: Sequence[str],
    level: Literal["word", "piece", "text"] = "word",
    limit: Limit = NO_LIMIT,
) -> Passage:
    """Return a text in the caller's segmentation; no piece crosses the boundary of a word.

    Raises:
        TextError: the words are not a list of str; else as above.
    """
    given = list_of(words, "the list of words", WORDS, TextError)
    words = [text_of(word, f"word {number}") for number, word in enumerate(given)]
    found, ranges = tokenizer.encode_words(words, limit)
    if level == "piece":
        passage = Passage(found.ids, None, found.offsets, found.pieces)
    elif level == "text":
        length = sum(map(len, words))
        passage = Passage(found.ids, ((0, len(found)),), ((0, length),))
    else:
        ends = list(accumulate(map(len, words), initial=0))
        passage = Passage(found.ids, tuple(ranges), tuple(pairwise(ends)))
    return shortened(passage, limit, found.is_inside_character)


def text_passage(tokenizer: Tokenizer, text: str, limit: Limit = NO_LIMIT) -> Passage:
    """Return a text with one row, which is zeros if the text has no pieces."""
    found = tokenizer.encode(text, limit)
    passage = Passage(found.ids, ((0, len(found)),), ((0, len(text)),))
    return shortened(passage, limit, found.is_inside_character)


def ids_passage(
    tokenizer: Tokenizer,
    ids: Sequence[int],
    level: Literal["piece", "text"] = "piece",
    limit: Limit = NO_LIMIT,
) -> Passage:
    """Return a text that is given by its piece ids; its rows have no offsets.

    Raises:
        IdError: an id is outside the vocabulary or not a whole number, or the model was never
            trained on its piece.
        TextTooLongError: there are too many, and the limit names no end to lose.
    """
    given = list_of(ids, "the list of ids", IDS, IdError)
    ids = [whole_number(one, f"id {place}", IdError) for place, one in enumerate(given)]
    last, unknown = tokenizer.num_pieces - 1, tokenizer.unknown_id
    if not all(0 <= id_ <= last for id_ in ids):
        raise IdError(
            f"an id outside 0 to {last}; send ids of this model, as /tokenize returns them"
        )
    if unknown in ids:
        raise IdError(
            f"the id {unknown} at place {ids.index(unknown)}: that piece stands for no text, and"
            f" the model never read it in training; send other ids from 0 to {last}, as /tokenize"
            " returns them"
        )
    passage = Passage(tuple(ids), ((0, len(ids)),) if level == "text" else None, offsets=())
    values = [tokenizer.byte_of.get(id_) for id_ in ids]
    return shortened(passage, limit, lambda number: is_inside_bytes(values, number))


def shortened(
    passage: Passage, limit: Limit, is_inside: Callable[[int], bool] = lambda _: False
) -> Passage:
    """Remove the pieces that a text has beyond its limit, from the end that is to lose them.

    Pooled levels keep every row, even one that has no pieces left; a row that lost a piece loses
    its rest as well. A character that would lose a part of its pieces loses all of them.

    Args:
        passage: The text.
        limit: How many pieces it may keep.
        is_inside: Returns whether a cut before the piece of a number would part a character.

    Raises:
        TextTooLongError: there are such pieces, and the limit names no end to lose.
    """
    num_pieces = len(passage.ids)
    limit.check(num_pieces)
    if num_pieces <= limit.max_pieces:
        return passage
    begin = num_pieces - limit.max_pieces if limit.lost == "left" else 0
    end = begin + limit.max_pieces
    while begin < end and is_inside(begin):
        begin += 1
    while begin < end and is_inside(end):
        end -= 1
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


def is_inside_bytes(values: Sequence[int | None], number: int) -> bool:
    """Return whether a byte piece continues the character that a byte piece before it begins.

    Args:
        values: The byte of each piece; None for a piece that does not stand for a byte.
        number: The number of the piece, or the number of pieces.
    """
    if number == len(values) or values[number] not in CONTINUING:
        return False
    for first in range(number - 1, max(-1, number - MAX_BYTES), -1):
        begun = [value for value in values[first:number] if value is not None]
        if len(begun) < number - first:
            return False
        if begun[0] not in CONTINUING:
            return bool(missing_bytes(bytes(begun)))
    return False


class _Content:
    """The characters of a text that do not vanish when it is read, to look up by their place."""

    def __init__(self, text: str, vanishing: str) -> None:
        self._text = text
        self._places: Sequence[int] = range(len(text))
        if vanishing:
            self._places = [place for place in self._places if text[place] not in vanishing]

    def around(self, begin: int, end: int) -> Offset | None:
        """Return the part of a range between its first and its last character with content."""
        first, beyond = (bisect_left(self._places, place) for place in (begin, end))
        return (self._places[first], self._places[beyond - 1] + 1) if first < beyond else None

    def within(self, begin: int, end: int) -> str:
        """Return the characters with content in a range.

        Two thousand characters without content may stand inside a single piece; they are skipped
        without a look at each.
        """
        first, beyond = (bisect_left(self._places, place) for place in (begin, end))
        return "".join(self._text[place] for place in self._places[first:beyond])


def _by_offsets(tokenizer: Tokenizer, text: str, found: Pieces, rows: Sequence[Offset]) -> Passage:
    """Return a text with a row, and its rest, for each of these ranges of code points."""
    begins, ends = ([offset[side] for offset in found.offsets] for side in (0, 1))
    content = _Content(text, tokenizer.vanishing(text))
    ranges, rests = [], []
    for begin, end in rows:
        first = beyond = bisect_left(begins, begin)
        sides: tuple[str, ...] = ()
        if shown := content.around(begin, end):
            first, beyond = pieces_of(begins, ends, *shown)
        if first < beyond:
            sides = content.within(begins[first], begin), content.within(end, ends[beyond - 1])
        ranges.append((first, beyond))
        rests.append(tuple(id_ for side in sides if side.strip() for id_ in tokenizer.ids(side)))
    some_rests = tuple(rests) if any(rests) else None
    return Passage(found.ids, tuple(ranges), tuple(rows), rests=some_rests)


def pieces_of(begins: Sequence[int], ends: Sequence[int], begin: int, end: int) -> PieceRange:
    """Return the pieces that touch [begin, end); an empty piece belongs to what follows it.

    Begins and ends of pieces never decrease along a text, so both bounds are found by bisection.
    """
    first_ending_inside = min(bisect_right(ends, begin), bisect_left(begins, begin))
    return first_ending_inside, max(first_ending_inside, bisect_left(begins, end))
