"""The text normalisation of a vocabulary, from its rules and Unicode's own tables.

The rule is that of docs/decisions/0054: NFKC; blanks, tabs and ends of lines become a space;
characters without content, whose properties the package `regex` knows, are dropped; Traditional
characters become Simplified. sentencepiece matches the longest known prefix, so a combining mark
after a character that changed stays decomposed; compare after one more NFKC.
"""

import re
import unicodedata
from functools import cache
from pathlib import Path

import regex

WITHOUT_CONTENT = regex.compile(
    r"[[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}]--\p{White_Space}]", regex.V1
)
SPACES = {0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x85, 0x1680, 0x2028, 0x2029, 0x2581, 0xFFFD}
BYTE = re.compile("<0x([0-9A-F]{2})>")
TABLE = Path(__file__).parents[2] / "training" / "text" / "traditional.tsv"
LEFT_ALONE = "乾徵夥麽吒捱摺榘薹醣麴"


@cache
def is_dropped(character):
    return bool(WITHOUT_CONTENT.match(character))


def kept(text):
    """Return the places of the code points that are not dropped."""
    return [place for place, character in enumerate(text) if not is_dropped(character)]


def simplified():
    """Return the Simplified character of each Traditional one."""
    lines = TABLE.read_text("utf-8").splitlines()
    pairs = dict(line.split("\t") for line in lines if not line.startswith("#"))
    return {before: after for before, after in pairs.items() if before not in LEFT_ALONE}


SIMPLIFIED = str.maketrans(simplified())


def is_known(character):
    """Return whether Python's Unicode tables have it; sentencepiece's are newer and map more."""
    return unicodedata.category(character) != "Cn"


def normalise(text):
    shown = (text[place] for place in kept(text))
    spaced = (" " if ord(character) in SPACES else character for character in shown)
    return unicodedata.normalize("NFKC", "".join(spaced)).translate(SIMPLIFIED)


def text_of(pieces):
    """Return the text that pieces spell, with byte pieces decoded."""
    spelled = b""
    for piece in pieces:
        byte = BYTE.fullmatch(piece)
        spelled += bytes([int(byte[1], 16)]) if byte else piece.replace("▁", " ").encode()
    return unicodedata.normalize("NFKC", spelled.decode())


def in_one_go(processor, text):
    """Return the pieces, ids and offsets of a text that the library cuts as a whole.

    Its table cannot hold NUL, so another control stands for it. It adds what is dropped to the end
    of the offset before; here that is taken away.
    """
    encoded = processor.encode(text.replace("\0", "\1"), return_type="offset_mapping")
    offsets = []
    for begin, end in encoded["offsets"]:
        shown = [place + 1 for place in range(begin, end) if not is_dropped(text[place])]
        offsets.append((begin, max(shown, default=begin)))
    return tuple(encoded["pieces"]), tuple(encoded["ids"]), tuple(offsets)
