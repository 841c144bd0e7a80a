"""Part a long text at places where its parts, cut one after the other, have the same pieces.

sentencepiece cuts a text in one go, however long it is and whatever its characters become: the one
character U+FDFA has 18 characters and 33 bytes after normalisation. Parts bound what one go costs.

A seam lies between two characters that stand next to each other in no piece of the vocabulary, so
no piece crosses it, and that normalisation never joins. The pieces of the parts are then the pieces
of the text. Where a text has no seam for long (a character repeated thousands of times), it is
parted all the same, at a place that depends on the text alone.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

# A part has about this many code points; Chinese prose of this length has some 1,400 pieces.
PART_LENGTH = 2048
# A part has at most this many bytes of UTF-8 after normalisation, and never more pieces than bytes.
PART_BYTES = 8192
# A text of at most this many code points is one part, whatever normalisation makes of it.
SHORT_LENGTH = 128
# A seam is looked for in this many places; prose has one every few characters.
SEARCHED = 128
# At most this many characters without content may stand between the neighbours of a seam.
MAX_VANISHING = 8

# Conjoining vowels and final consonants of Hangul join what stands before them, as marks do.
FIRST_JAMO, LAST_JAMO = "\u1100", "\u11ff"


class Seams:
    """The seams of texts, for one vocabulary.

    Args:
        normalize: Returns a text as the vocabulary spells it.
        pieces: The pieces of the vocabulary that are text.
    """

    def __init__(self, normalize: Callable[[str], str], pieces: Iterable[str]) -> None:
        self._normalize = normalize
        self._standing_alone = lru_cache(maxsize=8192)(self._as_it_stands_alone)
        self._neighbours = frozenset(
            piece[place : place + 2] for piece in pieces for place in range(len(piece) - 1)
        )

    def parts(self, text: str) -> Iterator[tuple[int, int]]:
        """Return the parts of a text as half-open ranges of code points, in their order."""
        begin = 0
        while begin < len(text):
            end = self._end_of_part(text, begin)
            yield begin, end
            begin = end

    def _end_of_part(self, text: str, begin: int) -> int:
        end, num_bytes = begin, 0
        while end < min(begin + PART_LENGTH, len(text)):
            step = text[end : end + SHORT_LENGTH]
            num_bytes += len(self._normalize(step).encode())
            if num_bytes > PART_BYTES and end > begin:
                break
            end += len(step)
        if end == len(text):
            return end
        earliest = max(begin, end - SEARCHED)
        return next((at for at in range(end, earliest, -1) if self._is_seam(text, at)), end)

    def _is_seam(self, text: str, place: int) -> bool:
        earliest, latest = max(0, place - MAX_VANISHING), min(len(text), place + MAX_VANISHING)
        before = self._nearest(text[at] for at in range(place - 1, earliest - 1, -1))
        after = self._nearest(text[at] for at in range(place, latest))
        return bool(before and after) and before[-1] + after[0] not in self._neighbours

    def _nearest(self, characters: Iterable[str]) -> str:
        """Return the first character that does not vanish, normalised.

        The result is empty if there is none, or if its neighbours may change what it becomes.
        """
        found = map(self._standing_alone, characters)
        return next((one for one in found if one is not None), "")

    def _as_it_stands_alone(self, character: str) -> str | None:
        """Return a normalised character; nothing if its neighbours may change what it becomes.

        None means that the character vanishes.
        """
        normalized = self._normalize(character)
        if not normalized:
            return None
        return "" if any(map(_joins, normalized)) else normalized


def _joins(character: str) -> bool:
    is_mark = unicodedata.category(character).startswith("M")
    return is_mark or FIRST_JAMO <= character <= LAST_JAMO
