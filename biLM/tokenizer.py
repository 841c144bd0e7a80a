"""Text -> pieces, piece ids and offsets in code points of the text as it was given.

A sentencepiece unigram model reads the text whole: no word segmenter, no added white space. Text
is compared after NFKC, but offsets count the caller's own code points, so a piece may be empty
([3, 3]) where one character became several, and a character it does not know becomes the
bytes of its UTF-8 form, all but the last of them empty.
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
    """What the model reads of one text: three sequences of one length.

    Args:
        pieces: As they stand in the vocabulary; a space is written U+2581.
        ids: Their piece ids.
        offsets: Where each stands in the text.
    """

    pieces: tuple[str, ...]
    ids: tuple[int, ...]
    offsets: tuple[Offset, ...]

    def __len__(self) -> int:
        return len(self.ids)


def refuse_surrogates(text: str) -> None:
    """Refuse what no UTF-8 text can hold.

    Raises:
        TextError: the text holds a lone surrogate.
    """
    if found := LONE_SURROGATE.search(text):
        raise TextError(
            f"code point {found.start()} is the lone surrogate U+{ord(found.group()):04X};"
            " send whole characters"
        )


class Tokenizer:
    """A sentencepiece model.

    Args:
        model: The bytes of a `pieces.model`.

    Raises:
        DamagedFileError: they are not one.
    """

    def __init__(self, model: bytes) -> None:
        if not model:  # sentencepiece takes no bytes for no model yet
            raise DamagedFileError("pieces.model is empty")
        try:
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        except RuntimeError as error:
            raise DamagedFileError("pieces.model is not a sentencepiece model") from error

    @property
    def num_pieces(self) -> int:
        """Size of the vocabulary."""
        return len(self._processor)

    def piece(self, piece_id: int) -> str:
        """A piece as it stands in the vocabulary; a space is written U+2581."""
        piece: str = self._processor.id_to_piece(piece_id)
        return piece

    @cached_property
    def is_text(self) -> npt.NDArray[np.bool_]:
        """For each piece whether it stands for characters: no byte, boundary or unknown."""
        of = self._processor
        others = (of.is_control, of.is_unknown, of.is_byte)
        every = range(self.num_pieces)
        return np.array([not any(is_other(id_) for is_other in others) for id_ in every])

    @cached_property
    def byte_of(self) -> Mapping[int, int]:
        """The byte that a piece stands for, of the pieces that stand for one: "<0xE4>" -> 0xE4."""
        every = filter(self._processor.is_byte, range(self.num_pieces))
        return {id_: int(self.piece(id_)[len("<0x") : -1], 16) for id_ in every}

    def decode(self, ids: Sequence[int]) -> str:
        """The text that pieces spell; bytes that make no character become U+FFFD."""
        text: str = self._processor.decode(list(ids))
        return text

    def ids(self, text: str) -> list[int]:
        """The piece ids of a text that holds no lone surrogate."""
        ids: list[int] = self._processor.encode(text)
        return ids

    def encode(self, text: str) -> Pieces:
        """Cut a text into pieces.

        Raises:
            TextError: the text holds a lone surrogate, which no UTF-8 text can.
        """
        refuse_surrogates(text)
        encoded = self._processor.encode(text, return_type="offset_mapping")
        offsets = tuple((begin, end) for begin, end in encoded["offsets"])
        return Pieces(tuple(encoded["pieces"]), tuple(encoded["ids"]), offsets)

    def encode_words(self, words: Sequence[str]) -> tuple[Pieces, list[tuple[int, int]]]:
        """Cut each word by itself, so that no piece crosses the caller's boundaries.

        Two words that script writes apart are read with a space between them; the space belongs
        to the word after it. Offsets count code points of the words joined without spaces.

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
    """Whether a space stands between two words: letters or digits of a narrow script on both sides.

    ("New", "York") -> True; ("苹果", "手机"), ("苹果", "Pro"), ("York", ",") -> False
    """
    return bool(before and after) and _is_narrow(before[-1]) and _is_narrow(after[0])


def _is_narrow(character: str) -> bool:
    return character.isalnum() and unicodedata.east_asian_width(character) not in "WF"
