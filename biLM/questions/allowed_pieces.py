"""Decide which pieces may follow, so that a completion is text in whole characters.

A character outside the vocabulary is written as byte pieces, one for each byte of its UTF-8 form. A
byte piece may come only where it continues a character, or where it begins one that still fits;
until the character is complete, no other piece may come. Control characters, line separators and
characters without content are not allowed: no text that the model reads contains them, because the
vocabulary drops them or turns them into spaces. The unknown piece and the begin piece may never
come; the end piece may come only between characters.
"""

import unicodedata
from collections.abc import Callable

import torch
from jaxtyping import Bool
from torch import Tensor

from biLM.tokenizer import Tokenizer

# A character has at most this many bytes in UTF-8.
MAX_BYTES = 4
# Unicode's categories of controls, line separators and paragraph separators.
NO_TEXT = ("Cc", "Zl", "Zp")
# The values of a byte that continues a character.
CONTINUING = range(0x80, 0xC0)


class Spelling:
    """The rule by which the pieces of one vocabulary may follow one another.

    Args:
        tokenizer: The tokenizer of the artifact.
        end_id: The piece that ends a text.
    """

    def __init__(self, tokenizer: Tokenizer, end_id: int) -> None:
        self._byte_of = tokenizer.byte_of
        self._vanishing = tokenizer.vanishing
        text = torch.from_numpy(tokenizer.is_text.copy())
        text[end_id] = True
        # The pieces that may come between two characters, for each number of pieces that still fit.
        self._between = [self._with_bytes(text, b"", room) for room in range(1, MAX_BYTES + 1)]

    def may_follow(self, ids: tuple[int, ...], room: int) -> Bool[Tensor, " vocab"]:
        """Return which pieces may come next.

        Args:
            ids: The pieces written so far; the first of them begins a character.
            room: How many pieces may still come, at least 1.
        """
        if begun := self._begun(ids):
            return self._with_bytes(torch.zeros_like(self._between[0]), begun, room)
        return self._between[min(room, MAX_BYTES) - 1]

    def _begun(self, ids: tuple[int, ...]) -> bytes:
        """Return the bytes of the last character if it is incomplete, else no bytes."""
        begun = b""
        for piece_id in reversed(ids[1 - MAX_BYTES :]):
            byte = self._byte_of.get(piece_id)
            if byte is None:
                return b""
            begun = bytes([byte]) + begun
            if byte not in CONTINUING:
                break
        return begun if begun and missing_bytes(begun, self._vanishing) else b""

    def _with_bytes(
        self, pieces: Bool[Tensor, " vocab"], begun: bytes, room: int
    ) -> Bool[Tensor, " vocab"]:
        """Return the pieces, with each byte allowed if the character that it continues fits."""
        found = pieces.clone()
        for piece_id, byte in self._byte_of.items():
            missing = missing_bytes(begun + bytes([byte]), self._vanishing)
            found[piece_id] = missing is not None and missing < room
        return found


def missing_bytes(begun: bytes, vanishing: Callable[[str], str] = lambda _: "") -> int | None:
    r"""Return how many more bytes a character that begins so needs; None if no character does.

    b"a" -> 0, b"\xe4\xb8" -> 1, b"\xff" -> None

    Args:
        begun: The bytes so far.
        vanishing: Returns those characters of a text that have no content.
    """
    lead = begun[0]
    missing = 1 + (lead >= 0xC0) + (lead >= 0xE0) + (lead >= 0xF0) - len(begun)
    # After some first bytes only low bytes are valid, after others only high bytes.
    ends = (begun + last * missing for last in (b"\x80", b"\xbf"))
    return missing if any(_is_text(end, vanishing) for end in ends) else None


def _is_text(data: bytes, vanishing: Callable[[str], str]) -> bool:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    if any(unicodedata.category(character) in NO_TEXT for character in text):
        return False
    return not vanishing(text)
