import pytest
from hypothesis import given
from hypothesis import strategies as st

from biLM.errors import IdError, SpanError, TextError
from biLM.limit import Limit
from biLM.questions.passage import (
    char_passage,
    ids_passage,
    piece_passage,
    pieces_of,
    shortened,
    span_passage,
    text_passage,
    word_passage,
)
from tests.properties import examples
from tests.reference.normaliser import in_one_go, is_known, kept, normalise, text_of
from tests.reference.texts import texts
from tests.reference.touching import touching

properties = examples(120)


@st.composite
def increasing_offsets(draw):
    """Draw offsets that never decrease, with gaps, overlaps and empty pieces."""
    count = draw(st.integers(0, 12))
    bound = st.lists(st.integers(0, 15), min_size=count, max_size=count).map(sorted)
    begins, ends = draw(bound), draw(bound)
    return [(b, max(b, e)) for b, e in zip(begins, ends, strict=True)]


def columns(offsets):
    return [begin for begin, _ in offsets], [end for _, end in offsets]


@examples(250)
@given(offsets=increasing_offsets(), begin=st.integers(0, 15), size=st.integers(1, 15))
def test_the_pieces_of_a_span_are_those_that_touch_it(offsets, begin, size):
    first, beyond = pieces_of(*columns(offsets), begin, begin + size)
    assert list(range(first, beyond)) == touching(offsets, begin, begin + size)


@examples(250)
@given(offsets=increasing_offsets(), begin=st.integers(0, 15), size=st.integers(1, 15))
def test_the_pieces_of_a_span_are_a_range_of_the_text(offsets, begin, size):
    first, beyond = pieces_of(*columns(offsets), begin, begin + size)
    assert 0 <= first <= beyond <= len(offsets)


@pytest.mark.parametrize(
    ("begin", "end", "pieces"),
    [
        (0, 2, (0, 1)),
        (0, 1, (0, 1)),  # half of a piece
        (1, 2, (0, 1)),
        (1, 3, (0, 4)),
        (2, 3, (1, 4)),  # an empty piece belongs to what follows it
        (3, 4, (4, 5)),
        (0, 4, (0, 5)),
    ],
)
def test_the_pieces_of_a_span_worked_by_hand(begin, end, pieces):
    offsets = [(0, 2), (2, 2), (2, 2), (2, 3), (3, 4)]
    assert pieces_of(*columns(offsets), begin, end) == pieces


@properties
@given(texts)
def test_every_piece_is_a_row_of_its_own(tokenizer, processor, text):
    passage = piece_passage(tokenizer, text)
    expected = in_one_go(processor, text)
    assert (passage.pieces, passage.ids, passage.offsets) == expected
    assert passage.ranges is None


@properties
@given(texts)
def test_every_code_point_is_a_row(tokenizer, text):
    passage = char_passage(tokenizer, text)
    assert passage.offsets == tuple((place, place + 1) for place in range(len(text)))
    assert len(passage.ranges) == passage.num_rows == len(text)


@properties
@given(texts)
def test_a_code_point_has_the_pieces_that_touch_it(tokenizer, processor, text):
    _, _, offsets = in_one_go(processor, text)
    for place, (first, beyond) in enumerate(char_passage(tokenizer, text).ranges):
        expected = touching(offsets, place, place + 1) if place in kept(text) else []
        assert list(range(first, beyond)) == expected


@properties
@given(texts)
def test_only_code_points_without_content_have_no_pieces(tokenizer, text):
    passage = char_passage(tokenizer, text)
    assert passage.empty_rows == [place for place in range(len(text)) if place not in kept(text)]


@pytest.mark.parametrize("text", ["👍🏽", "👨👩👧", "🇨🇳", "龘𠮷"])
def test_a_code_point_read_as_bytes_has_all_of_its_bytes(tokenizer, text):
    passage = char_passage(tokenizer, text)
    for char, (first, beyond) in zip(text, passage.ranges, strict=True):
        assert beyond - first == len(char.encode())


@pytest.mark.parametrize("text", ["\x01吃", "吃\x01"])
def test_what_is_dropped_has_no_pieces_at_either_end(tokenizer, text):
    passage = char_passage(tokenizer, text)
    assert passage.empty_rows == [text.index("\x01")]
    assert span_passage(tokenizer, text, [[0, 2]]).empty_rows == []


def test_two_code_points_of_one_piece_share_it(tokenizer):
    assert char_passage(tokenizer, "苹果").ranges == ((0, 1), (0, 1))


@st.composite
def texts_with_spans(draw):
    text = draw(texts.filter(bool))
    begins = draw(st.lists(st.integers(0, len(text) - 1), max_size=4))
    return text, [(b, draw(st.integers(b + 1, len(text)))) for b in begins]


@properties
@given(texts_with_spans())
def test_a_span_has_the_pieces_that_touch_it(tokenizer, processor, case):
    text, spans = case
    _, _, offsets = in_one_go(processor, text)
    passage = span_passage(tokenizer, text, spans)
    for (begin, end), (first, beyond) in zip(spans, passage.ranges, strict=True):
        shown = [place for place in kept(text) if begin <= place < end]
        expected = touching(offsets, shown[0], shown[-1] + 1) if shown else []
        assert list(range(first, beyond)) == expected


@properties
@given(texts_with_spans())
def test_spans_come_back_in_the_order_asked(tokenizer, case):
    text, spans = case
    assert span_passage(tokenizer, text, [list(span) for span in spans]).offsets == tuple(spans)


@pytest.mark.parametrize("span", [[0, 1], [1, 2]])
def test_a_span_over_half_a_piece_includes_the_piece(tokenizer, span):
    assert span_passage(tokenizer, "苹果", [span]).ranges == ((0, 1),)


@pytest.mark.parametrize(
    ("text", "span", "sides"),
    [
        ("苹果", [0, 1], ["果"]),
        ("苹果", [1, 2], ["苹"]),
        ("苹果", [0, 2], []),
        ("吃苹果", [0, 2], ["果"]),  # 吃 is a separate piece
        ("苹果苹果", [1, 3], ["苹", "果"]),
    ],
)
def test_the_rest_of_a_span_is_what_its_pieces_hold_beside_it(
    tokenizer, processor, text, span, sides
):
    rest = tuple(piece for side in sides for piece in processor.encode(side))
    assert span_passage(tokenizer, text, [span]).rests == ((rest,) if rest else None)


@pytest.mark.parametrize(
    ("max_pieces", "lost", "has_rest"),
    [
        (3, "right", True),
        (2, "right", True),
        (1, "right", False),
        (2, "left", False),
        (1, "left", False),
    ],
)
def test_a_row_that_lost_pieces_has_lost_their_rest(
    tokenizer, processor, max_pieces, lost, has_rest
):
    passage = span_passage(tokenizer, "吃苹果一", [[0, 2], [3, 4]])
    assert passage.ranges == ((0, 2), (2, 3))
    rest = tuple(processor.encode("果")) if has_rest else ()
    assert shortened(passage, Limit(max_pieces, lost)).rests == (rest, ())


@properties
@given(texts_with_spans())
def test_the_rest_of_a_span_by_its_definition(tokenizer, processor, case):
    text, spans = case
    _, _, offsets = in_one_go(processor, text)
    expected = []
    for begin, end in spans:
        shown = [place for place in kept(text) if begin <= place < end]
        pieces = touching(offsets, shown[0], shown[-1] + 1) if shown else []
        covered = {place for piece in pieces for place in range(*offsets[piece])} & {*kept(text)}
        left = "".join(text[place] for place in sorted(covered) if place < begin)
        right = "".join(text[place] for place in sorted(covered) if place >= end)
        expected.append(tuple(processor.encode(left.strip() and left)))
        expected[-1] += tuple(processor.encode(right.strip() and right))
    rests = span_passage(tokenizer, text, spans).rests
    assert rests == (tuple(expected) if any(expected) else None)


@pytest.mark.parametrize(
    "span",
    [[2, 1], [1, 1], [0, 0], [-1, 1], [-2, -1], [0, 3], [2, 3], [5, 6], [], [1], [0, 1, 2]],
    ids=str,
)
def test_a_span_that_is_none_is_refused_by_number_and_limit(tokenizer, span):
    message = rf"span 1 is \[{', '.join(map(str, span))}\].* <= 2,"
    with pytest.raises(SpanError, match=message):
        span_passage(tokenizer, "苹果", [[0, 1], span])


def test_no_span_fits_into_an_empty_text(tokenizer):
    with pytest.raises(SpanError, match="span 0"):
        span_passage(tokenizer, "", [[0, 1]])


def test_no_spans_give_no_rows(tokenizer):
    assert span_passage(tokenizer, "苹果", []).num_rows == 0


@properties
@given(st.lists(texts, max_size=5))
def test_a_word_is_a_row_and_stands_in_the_words_joined(tokenizer, words):
    passage = word_passage(tokenizer, words)
    joined = "".join(words)
    assert [joined[begin:end] for begin, end in passage.offsets] == words
    assert len(passage.ranges) == len(words)


@properties
@given(st.lists(texts, max_size=5))
def test_the_pieces_of_a_word_spell_only_that_word(tokenizer, processor, words):
    words = ["".join(filter(is_known, word)) for word in words]
    passage = word_passage(tokenizer, words)
    for word, (begin, end) in zip(words, passage.ranges, strict=True):
        spelled = text_of(processor.id_to_piece(piece) for piece in passage.ids[begin:end])
        assert spelled in (normalise(word), " " + normalise(word))


def test_an_empty_word_is_a_row_without_pieces(tokenizer):
    passage = word_passage(tokenizer, ["苹果", "", "手机"])
    assert passage.offsets == ((0, 2), (2, 2), (2, 4))
    assert passage.ranges[1][0] == passage.ranges[1][1]


@properties
@given(texts)
def test_a_text_is_one_row_of_all_its_pieces(tokenizer, processor, text):
    passage = text_passage(tokenizer, text)
    assert passage.offsets == ((0, len(text)),)
    assert passage.ranges == ((0, len(in_one_go(processor, text)[1])),)


@pytest.mark.parametrize("level", [piece_passage, char_passage, text_passage])
def test_a_lone_surrogate_is_refused_at_every_level(tokenizer, level):
    with pytest.raises(TextError, match="code point 2"):
        level(tokenizer, "苹果\ud800")


@pytest.mark.parametrize(
    ("level", "rows"), [(piece_passage, 0), (char_passage, 0), (text_passage, 1)]
)
def test_an_empty_text_has_no_pieces(tokenizer, level, rows):
    passage = level(tokenizer, "")
    assert (passage.ids, passage.num_rows) == ((), rows)


@pytest.mark.parametrize("lost", ["left", "right"])
@pytest.mark.parametrize("text", ["吃龘果😀龘", "😀" * 9, "ﬃ㈱①ﷺ", "e\u0301\u200b龘\u00ad"])
def test_a_text_is_cut_between_characters(tokenizer, text, lost):
    whole = tokenizer.encode(text)
    ends = {(begin, begin) for begin in range(len(text))} & {*whole.offsets}
    assert ends  # characters of several pieces
    for max_pieces in range(len(whole)):
        passage = piece_passage(tokenizer, text, Limit(max_pieces, lost))
        kept = passage.offsets
        assert len(kept) <= max_pieces
        assert kept == (
            whole.offsets[len(whole) - len(kept) :]
            if lost == "left"
            else whole.offsets[: len(kept)]
        )
        if lost == "right" and kept:
            assert kept[-1] not in ends
        if lost == "left" and len(kept):
            assert len(kept) == len(whole) or whole.offsets[-len(kept) - 1] not in ends
        # No more than one character is lost beyond the limit.
        pieces_of_character = max(len(tokenizer.encode(character)) for character in text)
        assert len(kept) > max_pieces - pieces_of_character


@pytest.mark.parametrize("level", [char_passage, text_passage, span_passage])
def test_pooled_levels_are_cut_in_the_same_places(tokenizer, level):
    text, limit = "吃龘果", Limit(3, "right")
    more = ([[0, 3]],) if level is span_passage else ()
    assert level(tokenizer, text, *more, limit).ids == tokenizer.encode("吃").ids
    assert word_passage(tokenizer, ["吃", "龘果"], "word", limit).ids == tokenizer.encode("吃").ids


@pytest.mark.parametrize(
    ("text", "max_pieces", "lost", "kept"),
    [
        ("龘龘", 5, "right", "龘"),
        ("龘龘", 5, "left", "龘"),
        ("龘龘", 3, "left", "龘"),
        ("龘龘", 2, "right", ""),
        ("吃😀", 4, "right", "吃"),
        ("吃😀吃", 4, "left", "吃"),
    ],
)
def test_ids_are_cut_between_characters(tokenizer, text, max_pieces, lost, kept):
    found = ids_passage(tokenizer, tokenizer.ids(text), "piece", Limit(max_pieces, lost))
    assert found.ids == tokenizer.encode(kept).ids


def test_bytes_that_form_no_character_are_cut_anywhere(tokenizer):
    ids_of = {byte: id_ for id_, byte in tokenizer.byte_of.items()}
    ids = [ids_of[0x80]] * 9
    assert len(ids_passage(tokenizer, ids, "text", Limit(7, "right")).ids) == 7


def test_the_unknown_piece_is_refused_with_its_place(tokenizer):
    with pytest.raises(IdError, match=r"the id 0 at place 2: .* send other ids from 0 to \d+"):
        ids_passage(tokenizer, [5, 6, 0, 7])
    for id_ in (-1, tokenizer.num_pieces):
        with pytest.raises(IdError, match="an id outside 0 to"):
            ids_passage(tokenizer, [5, id_])
    assert ids_passage(tokenizer, [1, 2, 5]).ids == (1, 2, 5)


@pytest.mark.parametrize("dropped", ["\x00", "\u200b", "\ufe0f\u00ad"])
def test_rows_without_pieces_are_numbered_at_every_level(tokenizer, dropped):
    text, end = f"吃{dropped}苹果", 1 + len(dropped)
    assert char_passage(tokenizer, text).empty_rows == list(range(1, end))
    assert span_passage(tokenizer, text, [[0, 1], [1, end], [0, end]]).empty_rows == [1]
    assert word_passage(tokenizer, ["吃", dropped, "", "苹果"]).empty_rows == [1, 2]
    assert text_passage(tokenizer, dropped).empty_rows == [0]
    assert piece_passage(tokenizer, dropped).empty_rows == []
    assert char_passage(tokenizer, "吃苹果", Limit(1, "right")).empty_rows == [1, 2]


def test_the_rest_of_a_piece_leaves_out_what_is_dropped_inside(tokenizer):
    text = "苹" + "\u200b" * 1000 + "果"
    passage = span_passage(tokenizer, text, [[0, 1], [1, 1001], [1001, 1002]])
    assert passage.ranges == ((0, 1), (1, 1), (0, 1))
    assert passage.rests == (tuple(tokenizer.ids("果")), (), tuple(tokenizer.ids("苹")))
