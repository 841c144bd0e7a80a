"""A long text is cut part by part; what it costs depends on what is wanted of it."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biLM import seams
from biLM.errors import TextError, TextTooLongError
from biLM.limit import Limit
from biLM.tokenizer import joined
from tests.properties import examples
from tests.reference import normaliser
from tests.reference.texts import texts

PROSE = "我在超市买了一个红苹果，又去手机店看了看新的 iPhone 16，最后什么也没有买就回家了。\n"
LIGATURE = "\ufdfa"  # one code point whose compatible spelling has 18
ends = st.sampled_from(["left", "right"])


@pytest.fixture(scope="module")
def in_one_go(processor):
    """The ids and offsets of a text that sentencepiece cuts in one go."""

    def cut(text):
        return normaliser.in_one_go(processor, text)[1:]

    return cut


@pytest.fixture
def short_parts(monkeypatch):
    """Parts of at most eight code points, so that short texts have several."""
    for name, value in {"PART_LENGTH": 8, "SHORT_LENGTH": 2, "SEARCHED": 4}.items():
        monkeypatch.setattr(seams, name, value)
    monkeypatch.setattr("biLM.tokenizer.SHORT_LENGTH", 2)


@pytest.fixture
def cut_calls(tokenizer, monkeypatch):
    """The texts that sentencepiece is given."""
    calls, cut = [], tokenizer._cut

    def recorded(text, place=0):
        calls.append(text)
        return cut(text, place)

    monkeypatch.setattr(tokenizer, "_cut", recorded)
    return calls


@examples(300)
@given(texts, texts)
def test_no_piece_crosses_a_seam(tokenizer, in_one_go, left, right):
    text = left + right
    for place in range(1, len(text)):
        if tokenizer._seams._is_seam(text, place):
            parts = [tokenizer._cut(text[:place]), tokenizer._cut(text[place:], place)]
            found = joined(parts)
            assert (found.ids, found.offsets) == in_one_go(text)


def test_prose_has_a_seam_every_few_characters(tokenizer):
    places = [at for at in range(1, len(PROSE)) if tokenizer._seams._is_seam(PROSE, at)]
    gaps = [after - before for before, after in pairwise(places)]
    assert max(gaps) < seams.SEARCHED / 8


@pytest.mark.parametrize("text", [PROSE * 300, "The quick brown fox jumps. " * 500, "哦，" * 9000])
def test_a_long_text_has_the_pieces_of_one_go(tokenizer, in_one_go, text):
    assert len(list(tokenizer._seams.parts(text))) > 1
    found = tokenizer.encode(text)
    assert (found.ids, found.offsets) == in_one_go(text)


@examples(100)
@given(st.lists(texts, max_size=8).map("".join))
@pytest.mark.usefixtures("short_parts")
def test_parts_follow_one_another_and_make_up_the_text(tokenizer, text):
    parts = list(tokenizer._seams.parts(text))
    assert "".join(text[begin:end] for begin, end in parts) == text
    assert all(0 < end - begin <= 8 for begin, end in parts)


@pytest.mark.parametrize("dropped", ["\u200b", "\u00ad\ufe0f", "\U000e0041"])
def test_a_long_text_has_the_same_pieces_with_characters_without_content(tokenizer, dropped):
    text = PROSE * 150
    assert tokenizer.encode(dropped.join(text)).ids == tokenizer.encode(text).ids


def test_there_is_no_seam_beside_many_characters_without_content(tokenizer):
    text = "，" + "\u200b" * 100 + "我"
    assert not any(tokenizer._seams._is_seam(text, place) for place in range(1, len(text)))


@pytest.mark.parametrize("text", [LIGATURE * 3000, "\u3316" * 4000, "龘" * 5000, PROSE * 100])
def test_no_part_has_more_pieces_than_its_bytes_allow(tokenizer, text):
    for begin, end in tokenizer._seams.parts(text):
        assert len(tokenizer._cut(text[begin:end])) <= seams.PART_BYTES


def test_a_part_that_is_short_has_few_pieces_whatever_it_is_made_of(processor):
    code_points = (chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    widest = max(len(unicodedata.normalize("NFKC", one).encode()) for one in code_points)
    assert seams.SHORT_LENGTH * widest <= seams.PART_BYTES
    assert len(processor.encode(LIGATURE)) <= widest


@pytest.mark.parametrize("lost", ["left", "right"])
def test_cutting_stops_soon_after_the_limit(tokenizer, cut_calls, lost):
    found = tokenizer.encode(PROSE * 10_000, Limit(3000, lost))
    assert 3000 < len(found) <= 3000 + seams.PART_BYTES
    assert sum(map(len, cut_calls)) < 4 * seams.PART_LENGTH


def test_a_text_that_may_lose_nothing_is_refused_before_it_is_cut_whole(tokenizer, cut_calls):
    with pytest.raises(TextTooLongError, match=r"at least \d+ pieces; the limit is 100") as refused:
        tokenizer.encode(LIGATURE * 100_000, Limit(100))
    assert 100 < refused.value.at_least <= 100 + seams.PART_BYTES
    assert len(cut_calls) == 1


def test_words_beyond_the_limit_are_not_cut(tokenizer, cut_calls):
    with pytest.raises(TextTooLongError):
        tokenizer.encode_words(["苹果"] * 100_000, Limit(9))
    assert len(cut_calls) <= 10
    cut_calls.clear()
    found, ranges = tokenizer.encode_words(["苹果"] * 1000, Limit(9, "left"))
    assert 9 < len(found) <= 20
    assert len(cut_calls) <= 10
    assert len(ranges) == 1000
    assert ranges[-1][1] == len(found)


@examples(100)
@given(st.lists(texts, max_size=6).map("".join), st.integers(0, 40), ends)
@pytest.mark.usefixtures("short_parts")
def test_what_is_kept_is_the_end_of_the_whole(tokenizer, text, max_pieces, lost):
    whole, found = tokenizer.encode(text), tokenizer.encode(text, Limit(max_pieces, lost))
    kept = slice(len(whole) - len(found), None) if lost == "left" else slice(len(found))
    assert found.ids == whole.ids[kept]
    assert found.offsets == whole.offsets[kept]
    assert len(found) > max_pieces or len(found) == len(whole)


@examples(100)
@given(st.lists(texts | st.just("New"), max_size=6), st.integers(0, 40), ends)
@pytest.mark.usefixtures("short_parts")
def test_what_is_kept_of_words_is_the_end_of_the_whole(tokenizer, words, max_pieces, lost):
    whole, ranges = tokenizer.encode_words(words)
    found, found_ranges = tokenizer.encode_words(words, Limit(max_pieces, lost))
    moved = len(whole) - len(found) if lost == "left" else 0
    kept = slice(moved, moved + len(found))
    assert (found.ids, found.offsets) == (whole.ids[kept], whole.offsets[kept])
    clipped = [tuple(min(max(end - moved, 0), len(found)) for end in pieces) for pieces in ranges]
    assert found_ranges == clipped


def test_a_surrogate_is_found_wherever_it_stands(tokenizer):
    with pytest.raises(TextError, match="code point 390000 is the lone surrogate"):
        tokenizer.encode("苹果。" * 130_000 + "\ud800", Limit(5))
