"""The text normalisation of a sentencepiece vocabulary, from its rules and Unicode's own tables.

The rule is `nmt_nfkc` (sentencepiece, src/builder.cc, BuildNmtNFKCMap): NFKC, after which control
characters are dropped and characters that separate like a space become a space. sentencepiece
matches the longest known prefix, so a combining mark after a character that changed stays
decomposed; compare after one more NFKC.
"""

import re
import unicodedata

DROPPED = {*range(0x01, 0x09), 0x0B, *range(0x0E, 0x20), 0x7F, 0x8F, 0x9F}
SPACES = {0x09, 0x0A, 0x0C, 0x0D, 0x61C, 0x1680, 0x200B, 0x200C, 0x200E, 0x200F, 0x2028, 0x2029}
SPACES |= {0x2581, 0xFEFF, 0xFFFD}
BYTE = re.compile("<0x([0-9A-F]{2})>")


def is_dropped(character):
    return ord(character) in DROPPED


def start(text):
    """Return the place of the first code point that is not dropped, or the length of the text."""
    return next((place for place, char in enumerate(text) if not is_dropped(char)), len(text))


def is_known(character):
    """Return whether Python's Unicode tables have it; sentencepiece's are newer and map more."""
    return unicodedata.category(character) != "Cn"


def normalise(text):
    kept = (character for character in text if not is_dropped(character))
    spaced = (" " if ord(character) in SPACES else character for character in kept)
    return unicodedata.normalize("NFKC", "".join(spaced))


def text_of(pieces):
    """Return the text that pieces spell, with byte pieces decoded."""
    spelled = b""
    for piece in pieces:
        byte = BYTE.fullmatch(piece)
        spelled += bytes([int(byte[1], 16)]) if byte else piece.replace("▁", " ").encode()
    return unicodedata.normalize("NFKC", spelled.decode())
