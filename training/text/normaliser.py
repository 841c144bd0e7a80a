"""The rule by which a text is read, as a table that sentencepiece applies before it cuts a text.

1. NFKC, as in the rule `nmt_nfkc` of sentencepiece, which also turns most blanks into a space.
2. A tab and every end of a line is a space as well.
3. Characters without content vanish: a byte order mark, joiners, soft hyphens, controls.
4. A Traditional character is read as its Simplified one.

The table lies inside the vocabulary, so that offsets count the characters of the caller's own text.
It cannot hold NUL, which ends a key in it; `without_nul` puts another control in its place.
docs/decisions/0054 has the reasons and figures.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import sentencepiece

from biLM.tokenizer import without_nul

# Unicode calls all of these White_Space; `nmt_nfkc` drops U+000B and leaves U+0085.
LINE_ENDS_AND_TABS = "\t\n\v\f\r\x85\u2028\u2029"
# Default_Ignorable_Code_Point, format (Cf) and control characters (Cc) of Unicode 18.0, without the
# ends of lines and tabs: the first and the last of each range. Python's own tables are older in
# older versions, and the table of a vocabulary must not depend on which Python made it.
WITHOUT_CONTENT = (
    (0x0001, 0x0008),
    (0x000E, 0x001F),
    (0x007F, 0x0084),
    (0x0086, 0x009F),
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x0600, 0x0605),
    (0x061C, 0x061C),
    (0x06DD, 0x06DD),
    (0x070F, 0x070F),
    (0x0890, 0x0891),
    (0x08E2, 0x08E2),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0x110BD, 0x110BD),
    (0x110CD, 0x110CD),
    (0x13430, 0x1343F),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
TRADITIONAL = Path(__file__).with_name("traditional.tsv")
# Below this level of its log, sentencepiece reports the size of each table.
WARNING = 1
# Simplified text has these as well, and there they are not what OpenCC makes of them: 乾隆, 哪吒,
# 宫商角徵羽.
SIMPLIFIED_TOO = "乾吒夥徵捱摺榘薹醣麴麽"

FACTS = {
    "rule": "NFKC; blanks, tabs and ends of lines are spaces; characters without content vanish;"
    " Traditional characters are read as Simplified",
    "unicode": "18.0",
    "traditional": "OpenCC 1.4.2, TSCharacters.txt, Apache-2.0",
}
"""What the card of a model says of its normaliser."""


def normalised(text: str) -> str:
    """Return a text as a model reads it."""
    found: str = _for_texts().normalize(without_nul(text))
    return found


def with_normaliser(pieces_model: bytes) -> bytes:
    """Return a sentencepiece model that reads texts by the rule, and is otherwise the same."""
    # Messages of one type, written one after the other, are read as one, in which the last value
    # of a field counts. This is how protobuf merges.
    merged = pieces_model + _table().serialized_model_proto()
    processor = sentencepiece.SentencePieceProcessor(model_proto=merged)
    model: bytes = processor.serialized_model_proto()
    return model


def has_normaliser(pieces_model: bytes) -> bool:
    """Return whether a sentencepiece model reads texts by this very rule."""
    return with_normaliser(pieces_model) == pieces_model


@cache
def _table() -> sentencepiece.SentencePieceNormalizer:
    """Return the table alone, so that it changes nothing else of a vocabulary."""
    sentencepiece.set_min_log_level(WARNING)
    return sentencepiece.SentencePieceNormalizer(norm_map=sorted(_rules().items()))


@cache
def _for_texts() -> sentencepiece.SentencePieceNormalizer:
    return sentencepiece.SentencePieceNormalizer(
        normalizer_spec=_table().serialized_normalizer_spec(),
        add_dummy_prefix=False,
        escape_whitespaces=False,
        remove_extra_whitespaces=False,
    )


def _rules() -> dict[str, str]:
    """Return what each character becomes, and each sequence that normalisation joins."""
    own = dict.fromkeys(_without_content(), "")
    own |= dict.fromkeys(LINE_ENDS_AND_TABS, " ")
    own |= _simplified()
    of_library = sentencepiece.SentencePieceNormalizer(rule_name="nmt_nfkc").Decompile()
    # What NFKC makes of a character may be Traditional itself: the radical U+2FBA becomes 馬.
    table = str.maketrans(own)
    return {before: after.translate(table) for before, after in of_library} | own


def _without_content() -> Iterator[str]:
    for first, last in WITHOUT_CONTENT:
        yield from map(chr, range(first, last + 1))


def _simplified() -> dict[str, str]:
    lines = TRADITIONAL.read_text("utf-8").splitlines()
    pairs = (line.split("\t") for line in lines if not line.startswith("#"))
    return {before: after for before, after in pairs if before not in SIMPLIFIED_TOO}
