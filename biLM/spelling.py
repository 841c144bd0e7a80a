"""Which pieces may follow, so that what is written can be read: text in whole characters.

A character outside the vocabulary is written in byte pieces, those of its UTF-8 form one after the
other. A byte may come only where it goes on with a character, or begins one for which there is
room; until the character is whole nothing else may come. Control characters and ends of lines are
no text: no text that is read has them, for the vocabulary drops them or makes them spaces. The
unknown piece and the begin of a text never may come, its end only between characters.
"""

import unicodedata

import torch
from jaxtyping import Bool
from torch import Tensor

from biLM.tokenizer import Tokenizer

MAX_BYTES = 4  # of a character
NO_TEXT = ("Cc", "Zl", "Zp")  # Unicode's controls, and separators of lines and paragraphs
CONTINUING = range(0x80, 0xC0)  # bytes that stand inside a character


class Spelling:
    """The rule for one vocabulary.

    Args:
        tokenizer: Of the artifact.
        end_id: The piece that ends a text.
    """

    def __init__(self, tokenizer: Tokenizer, end_id: int) -> None:
        self._byte_of = tokenizer.byte_of
        text = torch.from_numpy(tokenizer.is_text.copy())
        text[end_id] = True
        # Between two characters, by the room there is.
        self._between = [self._with_bytes(text, b"", room) for room in range(1, MAX_BYTES + 1)]

    def may_follow(self, ids: tuple[int, ...], room: int) -> Bool[Tensor, " vocab"]:
        """The pieces that may come next.

        Args:
            ids: What is written, from a place between two characters on.
            room: How many pieces may still come, at least 1.
        """
        if begun := self._begun(ids):
            return self._with_bytes(torch.zeros_like(self._between[0]), begun, room)
        return self._between[min(room, MAX_BYTES) - 1]

    def _begun(self, ids: tuple[int, ...]) -> bytes:
        """The bytes of the last character, as long as it is not whole."""
        begun = b""
        for piece_id in reversed(ids[1 - MAX_BYTES :]):
            byte = self._byte_of.get(piece_id)
            if byte is None:
                return b""
            begun = bytes([byte]) + begun
            if byte not in CONTINUING:
                break
        return begun if begun and missing_bytes(begun) else b""

    def _with_bytes(
        self, pieces: Bool[Tensor, " vocab"], begun: bytes, room: int
    ) -> Bool[Tensor, " vocab"]:
        found = pieces.clone()
        for piece_id, byte in self._byte_of.items():
            missing = missing_bytes(begun + bytes([byte]))
            found[piece_id] = missing is not None and missing < room
        return found


def missing_bytes(begun: bytes) -> int | None:
    r"""How many bytes a character lacks of which these are the first; None if there is no such one.

    b"a" -> 0, b"\xe4\xb8" -> 1, b"\xff" -> None
    """
    lead = begun[0]
    missing = 1 + (lead >= 0xC0) + (lead >= 0xE0) + (lead >= 0xF0) - len(begun)
    # Some first bytes take only low bytes after them, some only high ones.
    return missing if any(_is_text(begun + last * missing) for last in (b"\x80", b"\xbf")) else None


def _is_text(data: bytes) -> bool:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return all(unicodedata.category(character) not in NO_TEXT for character in text)
