import pytest
from hypothesis import given
from hypothesis import strategies as st

from biLM.errors import DamagedFileError, TextError
from biLM.tokenizer import Tokenizer
from tests.properties import examples
from tests.reference.normaliser import is_dropped, is_known, kept, normalise, text_of
from tests.reference.texts import texts

properties = examples(150)
words = st.lists(
    st.sampled_from(["New", "York", "苹果", "手机", "x2", "，", ""]) | texts, max_size=6
)


def begins_and_ends(pieces):
    return [begin for begin, _ in pieces.offsets], [end for _, end in pieces.offsets]


@properties
@given(texts)
def test_a_piece_has_one_id_and_one_offset(tokenizer, text):
    found = tokenizer.encode(text)
    assert len(found) == len(found.pieces) == len(found.ids) == len(found.offsets)


@properties
@given(texts)
def test_an_id_names_its_piece_in_the_vocabulary(tokenizer, processor, text):
    found = tokenizer.encode(text)
    assert found.pieces == tuple(processor.id_to_piece(piece) for piece in found.ids)


@properties
@given(texts)
def test_an_offset_lies_inside_the_text(tokenizer, text):
    assert all(0 <= begin <= end <= len(text) for begin, end in tokenizer.encode(text).offsets)


@properties
@given(texts)
def test_begins_and_ends_never_decrease(tokenizer, text):
    begins, ends = begins_and_ends(tokenizer.encode(text))
    assert (begins, ends) == (sorted(begins), sorted(ends))


@properties
@given(texts)
def test_pieces_cover_each_code_point_with_content_once(tokenizer, text):
    offsets = tokenizer.encode(text).offsets
    covered = [place for begin, end in offsets for place in range(begin, end)]
    shown = set(kept(text))
    assert [place for place in covered if place in shown] == sorted(shown)


@properties
@given(texts)
def test_no_piece_begins_or_ends_with_a_code_point_that_is_dropped(tokenizer, text):
    shown = kept(text)
    for begin, end in tokenizer.encode(text).offsets:
        assert begin == end or (begin in shown and end - 1 in shown)


@properties
@given(texts)
def test_an_empty_piece_stands_where_the_next_one_begins(tokenizer, text):
    offsets = tokenizer.encode(text).offsets
    following = [begin for begin, _ in offsets[1:]] + [None]
    empty = [number for number, (begin, end) in enumerate(offsets) if begin == end]
    assert all(following[number] == offsets[number][0] for number in empty)


@properties
@given(texts)
def test_pieces_spell_the_normalised_text(tokenizer, text):
    text = "".join(filter(is_known, text))
    assert text_of(tokenizer.encode(text).pieces) == normalise(text)


@pytest.mark.parametrize(
    ("text", "offsets"),
    [
        ("", ()),
        ("\x07", ()),
        ("a\tb", ((0, 1), (1, 2), (2, 3))),
        ("\u200b", ()),
        ("\x00", ()),
        ("\u3000", ((0, 1),)),  # a blank, as wide as a character
        ("苹果", ((0, 2),)),
        ("ﬁ", ((0, 0), (0, 1))),  # normalised to f and i
        ("龘", ((0, 0), (0, 0), (0, 1))),  # three byte pieces
        ("e\u0301", ((0, 0), (0, 2))),  # composed to é, two byte pieces
        ("\ufeffa", ((1, 2),)),
        ("\x01吃\x01", ((1, 2),)),  # both ends are treated alike
        ("苹\u00ad果", ((0, 3),)),  # a character without content may stand inside a piece
        ("蘋果", ((0, 2),)),
    ],
)
def test_offsets_count_the_callers_own_code_points(tokenizer, text, offsets):
    assert tokenizer.encode(text).offsets == offsets


@pytest.mark.parametrize("code_point", [0xD800, 0xDBFF, 0xDC00, 0xDFFF])
@pytest.mark.parametrize("before", ["", "苹果", "👍"])
def test_a_lone_surrogate_is_refused_by_its_place(tokenizer, before, code_point):
    message = rf"code point {len(before)} is the lone surrogate U\+{code_point:04X}"
    with pytest.raises(TextError, match=message):
        tokenizer.encode(f"{before}{chr(code_point)}手机")


@pytest.mark.parametrize("character", ["\ud7ff", "\ue000", "\U00010000", "👍"])
def test_a_neighbour_of_the_surrogates_is_a_character(tokenizer, character):
    assert tokenizer.encode(character).offsets[-1] == (0, 1)


def test_a_lone_surrogate_in_a_word_is_refused(tokenizer):
    with pytest.raises(TextError, match=r"U\+D83D"):
        tokenizer.encode_words(["苹果", "\ud83d"])


def test_the_size_of_the_vocabulary_is_sentencepieces(tokenizer, processor):
    assert tokenizer.num_pieces == processor.get_piece_size()


@pytest.mark.parametrize("model", [b"not a model", b"\x00" * 100, b""])
def test_bytes_that_are_no_model_are_refused(model):
    with pytest.raises(DamagedFileError, match=r"pieces\.model"):
        Tokenizer(model)


@properties
@given(words)
def test_every_word_has_a_range_and_the_ranges_tile_the_pieces(tokenizer, words):
    found, ranges = tokenizer.encode_words(words)
    bounds = [0, *(end for _, end in ranges)]
    assert [begin for begin, _ in ranges] == bounds[:-1]
    assert len(ranges) == len(words)
    assert bounds[-1] == len(found)


@properties
@given(words)
def test_no_piece_crosses_a_word(tokenizer, words):
    found, ranges = tokenizer.encode_words(words)
    place = 0
    for word, (begin, end) in zip(words, ranges, strict=True):
        for offset in found.offsets[begin:end]:
            assert place <= offset[0] <= offset[1] <= place + len(word)
        place += len(word)


@properties
@given(words)
def test_offsets_of_words_never_decrease(tokenizer, words):
    begins, ends = begins_and_ends(tokenizer.encode_words(words)[0])
    assert (begins, ends) == (sorted(begins), sorted(ends))


@properties
@given(words)
def test_offsets_of_words_count_the_words_joined(tokenizer, words):
    found, ranges = tokenizer.encode_words(words)
    joined = "".join(words)
    for word, (begin, end) in zip(words, ranges, strict=True):
        places = [p for b, e in found.offsets[begin:end] for p in range(b, e)]
        spelled = "".join(joined[place] for place in places if not is_dropped(joined[place]))
        assert spelled == "".join(word[place] for place in kept(word))


@properties
@given(st.lists(st.sampled_from(["我", "吃了", "苹果", "手机", "，", "龘龘"]), max_size=6))
def test_chinese_words_are_read_with_nothing_between_them(tokenizer, processor, words):
    expected = [piece for word in words for piece in processor.encode(word)]
    assert list(tokenizer.encode_words(words)[0].ids) == expected


@properties
@given(st.lists(st.sampled_from(["New", "York", "fox", "2019", "é"]), max_size=6))
def test_latin_words_are_read_with_a_space_between_them(tokenizer, processor, words):
    expected = processor.encode(" ".join(words))
    assert list(tokenizer.encode_words(words)[0].ids) == expected


@pytest.mark.parametrize(
    ("words", "read_as"),
    [
        (["New", "York"], "New York"),
        (["New", "", "York"], "New York"),  # an empty word changes nothing
        (["in", "2019"], "in 2019"),
        (["苹果", "Pro"], "苹果Pro"),
        (["Pro", "苹果"], "Pro苹果"),
        (["苹果", "2019"], "苹果2019"),
        (["York", ","], "York,"),
        (["New ", "York"], "New York"),
        (["New", " York"], "New York"),
        (["Ｎｅｗ", "Ｙｏｒｋ"], "ＮｅｗＹｏｒｋ"),  # full width, as in Chinese
        (["New\u200b", "\ufeff", "\u2060York"], "New York"),
    ],
)
def test_a_space_is_read_only_between_words_of_a_narrow_script(tokenizer, words, read_as):
    assert text_of(tokenizer.encode_words(words)[0].pieces) == normalise(read_as)


def test_the_space_belongs_to_the_word_after_it_and_has_no_place(tokenizer):
    found, ranges = tokenizer.encode_words(["dog", "dog"])
    begin, end = ranges[1]
    assert text_of(found.pieces[begin:end]) == " dog"
    assert "".join("dogdog"[b:e] for b, e in found.offsets[begin:end]) == "dog"


def test_a_word_has_the_place_of_its_first_code_point_with_content(tokenizer):
    found, ranges = tokenizer.encode_words(["dog", "\u200bdog\u200b"])
    begin, end = ranges[1]
    assert found.offsets[begin][0] == 4
    assert found.offsets[end - 1][1] == 7


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_empty_word_has_an_empty_range(tokenizer, place):
    words = ["苹果", "手机"]
    words.insert(place, "")
    begin, end = tokenizer.encode_words(words)[1][place]
    assert begin == end


def test_no_words_have_no_pieces(tokenizer):
    found, ranges = tokenizer.encode_words([])
    assert (len(found), ranges) == (0, [])
