"""The shipped model reads what looks the same as the same, wherever its bytes differ."""

from pathlib import Path

import numpy as np
import pytest
import regex

from biLM.artifact import load_artifact
from biLM.encoder import Encoder
from biLM.questions.readout import Readout
from biLM.tokenizer import Tokenizer
from training.text.normaliser import has_normaliser

SENTENCES = (
    "这款手机的电池很耐用，我非常满意。",
    "我在超市买了一个红苹果。",
    "医生说病毒已经扩散，要马上手术！",
    "他打开电脑，给老板写了一封信。",
    "2019年12月，黄牛在医院门口卖号。",
    "The quick brown fox jumps over the lazy dog.",
    "iPhone 16 的价格是 ￥5,999 起",
    "“你好，”她说，“好久不见。”",
    "山坡上的苹果熟了，果农们正忙着采摘。",
    "乾隆与哪吒，龘龘𠮷😀",
    "Ｆｕｌｌ　ｗｉｄｔｈ：①②③㈱",
    "昨天夜里雨下得很大，路上都是水。",
)
PAIRS = Path(__file__).parents[1] / "reference" / "traditional_sentences.tsv"
EVERY_CHARACTER = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000))))
INVISIBLE = regex.findall(r"\p{Default_Ignorable_Code_Point}|(?!\s)[\p{Cf}\p{Cc}]", EVERY_CHARACTER)
# One of each kind: a control, a soft hyphen, a joiner, a mark of direction, a byte order mark, a
# variation selector, a filler that NFKC turns into another, a tag.
SOME = "\x00\x01\u00ad\u034f\u200b\u200d\u202e\ufeff\ufe0f\u3164\U000e0041\U000e0100"


@pytest.fixture(scope="module")
def shipped():
    return load_artifact("zh-small")


@pytest.fixture(scope="module")
def reads(shipped):
    return Tokenizer(shipped.pieces_model).encode


def test_the_shipped_vocabulary_has_the_present_normaliser(shipped):
    assert has_normaliser(shipped.pieces_model)


def test_there_are_as_many_invisible_characters_as_the_standard_lists():
    assert len(INVISIBLE) > 4000
    assert {*SOME} <= {*INVISIBLE}


def test_an_invisible_character_between_all_others_changes_no_piece(reads):
    for number, character in enumerate(INVISIBLE):
        text = SENTENCES[number % len(SENTENCES)]
        assert reads(character.join(text)).ids == reads(text).ids, f"U+{ord(character):04X}"


@pytest.mark.long
def test_an_invisible_character_changes_no_piece_of_any_sentence(reads):
    for text in SENTENCES:
        ids = reads(text).ids
        for character in INVISIBLE:
            found = reads(character + character.join(text) + character).ids
            assert found == ids, f"U+{ord(character):04X}"


@pytest.mark.parametrize("character", SOME)
def test_a_piece_slices_the_characters_it_stands_for(reads, character):
    for text in SENTENCES:
        plain, mixed = reads(text), f"{character}{character.join(text)}{character}"
        sliced = [mixed[begin:end] for begin, end in reads(mixed).offsets]
        shown = [one.replace(character, "") for one in sliced]
        assert shown == [text[begin:end] for begin, end in plain.offsets]
        assert not any(one.startswith(character) or one.endswith(character) for one in sliced)


def test_the_vectors_of_a_sentence_keep_their_bits(shipped):
    encoder = Encoder(shipped)
    text = SENTENCES[0]
    mixed = [character.join(text) for character in SOME]
    passages = [encoder.text(one) for one in (text, *mixed, "這款手機的電池很耐用，我非常滿意。")]
    plain, *others = encoder.embed(passages, [Readout(encoder.mix("default"))] * len(passages))
    assert np.abs(plain).max() > 0
    assert all(np.array_equal(other, plain) for other in others)


def test_traditional_sentences_have_the_pieces_of_simplified_ones(reads):
    lines = [line for line in PAIRS.read_text("utf-8").splitlines() if not line.startswith("#")]
    pairs = [line.split("\t") for line in lines]
    assert len(pairs) == 254
    assert all(simplified != traditional for simplified, traditional in pairs)
    # OpenCC writes 着 as 著, which Simplified texts have as well: 著名.
    assert sum(reads(one).ids == reads(other).ids for one, other in pairs) >= 244


@pytest.mark.parametrize("blank", ["\u3000", "\u00a0", "\t", "\n", "\x85", "\u2003"])
def test_a_blank_of_any_width_is_a_space(reads, blank):
    assert reads(f"苹果{blank}iPhone").ids == reads("苹果 iPhone").ids
