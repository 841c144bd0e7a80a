"""Cut a text into pieces, with their ids and their offsets in code points of the original text.

A sentencepiece unigram model cuts the text as a whole: no word segmenter runs before it, and no
white space is added. The model matches text after NFKC normalisation, but offsets count the code
points of the caller's text. So an offset may be empty, such as [3, 3], where normalisation turned
one character into several. A character outside the vocabulary becomes the bytes of its UTF-8 form,
one piece each; all of them except the last have empty offsets.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import sentencepiece

from biLM.errors import DamagedFileError, TextError

LONE_SURROGATE = re.compile("[\ud800-\udfff]")
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

    pieces: tuple[str, ...]
    ids: tuple[int, ...]
    offsets: tuple[Offset, ...]

    def __len__(self) -> int:
        return len(self.ids)


def refuse_surrogates(text: str) -> None:
    """Refuse a text that cannot be encoded in UTF-8.

    Raises:
        TextError: the text contains a lone surrogate.
    """
    if found := LONE_SURROGATE.search(text):
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
        ids: list[int] = self._processor.encode(text)
        return ids

    def encode(self, text: str) -> Pieces:
        """Cut a text into pieces.

        Raises:
            TextError: the text contains a lone surrogate, which UTF-8 cannot encode.
        """
        refuse_surrogates(text)
        encoded = self._processor.encode(text, return_type="offset_mapping")
        offsets = tuple((begin, end) for begin, end in encoded["offsets"])
        return Pieces(tuple(encoded["pieces"]), tuple(encoded["ids"]), offsets)

    def encode_words(self, words: Sequence[str]) -> tuple[Pieces, list[tuple[int, int]]]:
        """Cut each word by itself, so that no piece crosses the boundary of a word.

        Where the script would separate two words by a space, a space is read between them; it
        belongs to the second word. Offsets count code points of the words joined without spaces.

        Returns:
            The pieces, and for each word the half-open range of its pieces.
        """
        pieces: list[str] = []
        ids: list[int] = []
        offsets: list[Offset] = []
        ranges = []
        place, before = 0, ""
        for word in words:
            space = _are_written_apart(before, word)
            found = self.encode(" " + word if space else word)
            begin = len(ids)
            pieces.extend(found.pieces)
            ids.extend(found.ids)
            offsets.extend(
                (place + max(0, b - space), place + max(0, e - space)) for b, e in found.offsets
            )
            ranges.append((begin, len(ids)))
            place, before = place + len(word), word or before
        return Pieces(tuple(pieces), tuple(ids), tuple(offsets)), ranges


def _are_written_apart(before: str, after: str) -> bool:
    """Return whether letters or digits of a narrow script meet, so that a space parts the words.

    ("New", "York") -> True; ("苹果", "手机"), ("苹果", "Pro"), ("York", ",") -> False
    """
    return bool(before and after) and _is_narrow(before[-1]) and _is_narrow(after[0])


def _is_narrow(character: str) -> bool:
    return character.isalnum() and unicodedata.east_asian_width(character) not in "WF"
