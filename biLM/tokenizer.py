"""Cut a text into pieces, with their ids and their offsets in code points of the original text.

A sentencepiece unigram model cuts the text as a whole: no word segmenter runs before it, and no
white space is added. The model matches text after NFKC normalisation, but offsets count the code
points of the caller's text. So an offset may be empty, such as [3, 3], where normalisation turned
one character into several. A character outside the vocabulary becomes the bytes of its UTF-8 form,
one piece each; all of them except the last have empty offsets.

The normaliser's table in the vocabulary drops characters without content, such as U+200B. They
vanish wherever they stand, and no piece begins or ends with one. A piece may have one inside.

A long text is cut part by part (`seams`), and cutting stops once there are more pieces than the
caller's limit. So what a text costs depends on the limit and not on how long it is.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import accumulate, chain, pairwise

import numpy as np
import numpy.typing as npt
import sentencepiece

from biLM.errors import DamagedFileError, TextError
from biLM.given import text_of
from biLM.limit import NO_LIMIT, Limit, Lost
from biLM.seams import SHORT_LENGTH, Seams

LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# Every normaliser drops this control.
LIKE_NUL = "\1"
Offset = tuple[int, int]
"""Half-open [begin, end) in code points; empty where a piece adds nothing to the one after it."""


@dataclass(frozen=True)
class Pieces:
    """The pieces of one text: three sequences of equal length.

    Args:
        pieces: The pieces as the vocabulary spells them; U+2581 stands for a space.
        ids: Their piece ids.
        offsets: Their offsets in the text.
    """

    pieces: tuple[str, ...] = ()
    ids: tuple[int, ...] = ()
    offsets: tuple[Offset, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def moved(self, by: int, at_least: int) -> "Pieces":
        """Return the same pieces with offsets that are moved, but not below `at_least`."""
        offsets = [(max(at_least, b + by), max(at_least, e + by)) for b, e in self.offsets]
        return replace(self, offsets=tuple(offsets))

    def is_inside_character(self, number: int) -> bool:
        """Return whether a character of the text has both this piece and the one before it."""
        begin, end = self.offsets[number - 1] if number else (0, 1)
        return begin == end and number < len(self)


NO_PIECES = Pieces()


def joined(parts: Iterable[Pieces]) -> Pieces:
    """Return the pieces of all parts, one part after the other."""
    whole = list(parts)
    if len(whole) == 1:
        return whole[0]
    pieces, ids, offsets = (
        tuple(chain.from_iterable(getattr(part, name) for part in whole))
        for name in ("pieces", "ids", "offsets")
    )
    return Pieces(pieces, ids, offsets)


def without_nul(text: str) -> str:
    """Return a text of the same length in which a control that vanishes stands for each NUL.

    NUL ends a key in the table of a normaliser, so no table can drop it.
    """
    return text.replace("\0", LIKE_NUL)


def refuse_surrogates(text: str) -> None:
    """Refuse a text that cannot be encoded in UTF-8.

    Raises:
        TextError: the text contains a lone surrogate, or is not a str.
    """
    if found := LONE_SURROGATE.search(text_of(text)):
        raise TextError(
            f"code point {found.start()} is the lone surrogate U+{ord(found.group()):04X};"
            " send whole characters"
        )


class Tokenizer:
    """A sentencepiece model that cuts texts into pieces.

    Args:
        model: The content of a `pieces.model` file.

    Raises:
        DamagedFileError: the content is not a sentencepiece model.
    """

    def __init__(self, model: bytes) -> None:
        if not model:  # sentencepiece would read empty bytes as "no model yet" and not fail
            raise DamagedFileError("pieces.model is empty")
        try:
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        except RuntimeError as error:
            raise DamagedFileError("pieces.model is not a sentencepiece model") from error
        self._vanishes = lru_cache(maxsize=8192)(self._is_without_content)

    @property
    def num_pieces(self) -> int:
        """The size of the vocabulary."""
        return len(self._processor)

    def piece(self, piece_id: int) -> str:
        """Return a piece as the vocabulary spells it; U+2581 stands for a space."""
        piece: str = self._processor.id_to_piece(piece_id)
        return piece

    @cached_property
    def is_text(self) -> npt.NDArray[np.bool_]:
        """Whether each piece is text, and not a byte, a boundary or the unknown piece."""
        of = self._processor
        others = (of.is_control, of.is_unknown, of.is_byte)
        every = range(self.num_pieces)
        return np.array([not any(is_other(id_) for is_other in others) for id_ in every])

    @property
    def unknown_id(self) -> int:
        """The id of the unknown piece, which no text has, because bytes spell every character."""
        id_: int = self._processor.unk_id()
        return id_

    @cached_property
    def byte_of(self) -> Mapping[int, int]:
        """The byte that each byte piece stands for, by piece id: the piece "<0xE4>" has 0xE4."""
        every = filter(self._processor.is_byte, range(self.num_pieces))
        return {id_: int(self.piece(id_)[len("<0x") : -1], 16) for id_ in every}

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text that pieces spell; bytes that form no character become U+FFFD."""
        text: str = self._processor.decode(list(ids))
        return text

    def ids(self, text: str) -> list[int]:
        """Return the piece ids of a text that contains no lone surrogate."""
        ids: list[int] = self._processor.encode(without_nul(text))
        return ids

    def normalised(self, text: str) -> str:
        """Return a text as the vocabulary spells it; U+2581 stands for a space."""
        found: str = self._processor.normalize(without_nul(text))
        return found

    def vanishing(self, text: str) -> str:
        """Return the characters of a text that have no content, each once; mostly there is none."""
        return "".join(filter(self._vanishes, set(text)))

    def _is_without_content(self, character: str) -> bool:
        return not LONE_SURROGATE.match(character) and not self.normalised(character)

    @cached_property
    def _seams(self) -> Seams:
        pieces = (self.piece(int(id_)) for id_ in np.flatnonzero(self.is_text))
        return Seams(self.normalised, pieces)

    def encode(self, text: str, limit: Limit = NO_LIMIT) -> Pieces:
        """Cut a text into pieces.

        Args:
            text: A text of any length.
            limit: Where cutting may stop; by default at the end of the text.

        Returns:
            The pieces. Of a text with more than the limit admits, the pieces of the end that is
            kept: more than the limit, so that the caller sees what was lost.

        Raises:
            TextError: the text contains a lone surrogate, which UTF-8 cannot encode.
            TextTooLongError: the text has too many pieces, and the limit names no end to lose.
        """
        refuse_surrogates(text)
        found = self._encode(text, limit.max_pieces, limit.lost)
        limit.check(len(found))
        return found

    def encode_words(
        self, words: Sequence[str], limit: Limit = NO_LIMIT
    ) -> tuple[Pieces, list[tuple[int, int]]]:
        """Cut each word by itself, so that no piece crosses the boundary of a word.

        Where the script would separate two words by a space, a space is read between them; it
        belongs to the second word. Offsets count code points of the words joined without spaces.

        Returns:
            The pieces, as for `encode`, and for each word the half-open range of its pieces.

        Raises:
            TextError: see `encode`.
            TextTooLongError: see `encode`.
        """
        placed = list(self._placed(words))
        found: list[Pieces] = []
        num_pieces = 0
        for place, word, space in reversed(placed) if limit.lost == "left" else placed:
            if num_pieces > limit.max_pieces:
                found.append(NO_PIECES)
                continue
            refuse_surrogates(word)
            spaced = " " + word if space else word
            one = self._encode(spaced, limit.max_pieces - num_pieces, limit.lost)
            shown = place + len(word) - len(word.lstrip(self.vanishing(word)))
            found.append(one.moved(place - space, at_least=shown))
            num_pieces += len(one)
            limit.check(num_pieces)
        if limit.lost == "left":
            found.reverse()
        ends = list(accumulate(map(len, found), initial=0))
        return joined(found), list(pairwise(ends))

    def _encode(self, text: str, enough: int, lost: Lost) -> Pieces:
        """Cut a text part by part until there are more pieces than are enough."""
        if len(text) <= SHORT_LENGTH:
            return self._cut(text)
        parts: Iterable[Offset] = self._seams.parts(text)
        found: list[Pieces] = []
        num_pieces = 0
        for begin, end in reversed(list(parts)) if lost == "left" else parts:
            found.append(self._cut(text[begin:end], begin))
            num_pieces += len(found[-1])
            if num_pieces > enough:
                break
        return joined(reversed(found) if lost == "left" else found)

    def _cut(self, text: str, place: int = 0) -> Pieces:
        encoded = self._processor.encode(without_nul(text), return_type="offset_mapping")
        offsets = [(place + begin, place + end) for begin, end in encoded["offsets"]]
        if vanishing := self.vanishing(text):
            offsets = [_without_the_end(text, place, one, vanishing) for one in offsets]
        return Pieces(tuple(encoded["pieces"]), tuple(encoded["ids"]), tuple(offsets))

    def _placed(self, words: Sequence[str]) -> Iterator[tuple[int, str, bool]]:
        """Return the place of each word, the word, and whether a space parts it from the last."""
        place, before = 0, ""
        for word in words:
            shown = word.strip(self.vanishing(word))
            yield place, word, _are_written_apart(before, shown)
            place, before = place + len(word), shown or before


def _without_the_end(text: str, place: int, offset: Offset, vanishing: str) -> Offset:
    """Return an offset without the vanishing characters that sentencepiece adds to its end."""
    begin, end = offset
    while end > begin and text[end - place - 1] in vanishing:
        end -= 1
    return begin, end


def _are_written_apart(before: str, after: str) -> bool:
    """Return whether letters or digits of a narrow script meet, so that a space parts the words.

    ("New", "York") -> True; ("苹果", "手机"), ("苹果", "Pro"), ("York", ",") -> False
    """
    return bool(before and after) and _is_narrow(before[-1]) and _is_narrow(after[0])


def _is_narrow(character: str) -> bool:
    return character.isalnum() and unicodedata.east_asian_width(character) not in "WF"
