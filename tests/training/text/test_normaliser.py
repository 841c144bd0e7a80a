import unicodedata

import pytest
import regex
import sentencepiece

from tests.reference.normaliser import SIMPLIFIED, is_dropped
from training.text.normaliser import (
    SIMPLIFIED_TOO,
    TRADITIONAL,
    has_normaliser,
    normalised,
    with_normaliser,
)

# Planes 4 to 13 have no characters, and 15 and 16 have private ones only.
CODES = [*range(1, 0xD800), *range(0xE000, 0x40000), *range(0xE0000, 0xE2000), 0xF0000, 0x10FFFF]
CHARACTERS = [*map(chr, CODES)]
LINE_ENDS = "\x0b\x85"  # blanks that `nmt_nfkc` drops or leaves
# Characters without content that `nmt_nfkc` makes a space.
BLANKS_OF_LIBRARY = "\u200b\u200c\u200e\u200f\u061c\ufeff"


@pytest.fixture(scope="module")
def of_library():
    """The rule that the library has by itself."""
    return sentencepiece.SentencePieceNormalizer(
        rule_name="nmt_nfkc",
        add_dummy_prefix=False,
        escape_whitespaces=False,
        remove_extra_whitespaces=False,
    )


@pytest.fixture(scope="module")
def read_as():
    """What each character is read as, by itself."""
    return {character: normalised(character) for character in CHARACTERS}


def test_exactly_the_characters_without_content_vanish(read_as):
    # If a newer `regex` knows a newer Unicode, the ranges in the normaliser follow it.
    assert [c for c in CHARACTERS if not read_as[c]] == [*filter(is_dropped, CHARACTERS)]


def test_every_kind_of_blank_is_one_space(read_as):
    blanks = [c for c in CHARACTERS if regex.match(r"\p{White_Space}", c)]
    assert {read_as[blank] for blank in blanks} == {" "}
    assert "\u3000" in blanks


def test_all_other_characters_are_read_as_the_library_reads_them(of_library, read_as):
    before = {character: of_library.normalize(character) for character in CHARACTERS}
    changed = {c for c in CHARACTERS if read_as[c] != before[c]}
    traditional = {c for c in changed if before[c].translate(SIMPLIFIED) == read_as[c]}
    assert changed == {*filter(is_dropped, changed)} | {*LINE_ENDS} | traditional
    assert set(BLANKS_OF_LIBRARY) <= changed


def test_characters_and_their_marks_are_joined_as_before(of_library):
    composed = [c for c in CHARACTERS if unicodedata.decomposition(c)]
    sequences = {unicodedata.normalize("NFD", c) for c in composed}
    sequences |= {unicodedata.normalize("NFKD", c) for c in composed}
    for sequence in sequences:
        if not any(map(is_dropped, sequence)):
            expected = of_library.normalize(sequence).translate(SIMPLIFIED)
            assert normalised(sequence) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("這款手機的電池很耐用", "这款手机的电池很耐用"),
        ("\u2fba\uf90a", "马金"),  # a radical and a compatible form of Traditional characters
        ("乾隆与哪吒", "乾隆与哪吒"),
        ("\ufeff苹\u200d果\ufe0f", "苹果"),
        ("ＡＢＣ　①\t㈱", "ABC 1 (株)"),
    ],
)
def test_what_a_text_is_read_as(text, expected):
    assert normalised(text) == expected


def test_each_exception_is_in_the_table():
    in_table = {line[0] for line in TRADITIONAL.read_text("utf-8").splitlines()}
    assert set(SIMPLIFIED_TOO) <= in_table


def test_only_the_normaliser_of_a_vocabulary_changes(pieces_model):
    library = sentencepiece.SentencePieceNormalizer(rule_name="nmt_nfkc").serialized_model_proto()
    old = sentencepiece.SentencePieceProcessor(model_proto=pieces_model + library)
    model = old.serialized_model_proto()
    assert not has_normaliser(model)
    new = sentencepiece.SentencePieceProcessor(model_proto=with_normaliser(model))
    assert has_normaliser(new.serialized_model_proto())
    for id_ in range(len(old)):
        assert new.id_to_piece(id_) == old.id_to_piece(id_)
        assert new.get_score(id_) == old.get_score(id_)
    assert new.encode("我吃了 一个苹果") == old.encode("我吃了 一个苹果")
    assert new.encode("蘋果") == old.encode("苹果") != old.encode("蘋果")
