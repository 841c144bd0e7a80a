"""What a caller gives as a text, as words, spans or ids is taken or refused, and never misread."""

import sys
from array import array
from collections import UserString

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from biLM.errors import IdError, SpanError, TextError

TEXT = "我吃了一个苹果"
WORDS = ["我", "吃了", "一个", "苹果"]
CHARACTERS = array("w" if sys.version_info >= (3, 13) else "u", TEXT)
NO_TEXTS = {
    "None": (None, "is None; leave it out, or give an empty str"),
    "NaN": (float("nan"), "of type float; leave it out"),
    "pandas NA": (pd.NA, "of type NAType; leave it out"),
    "bytes": (TEXT.encode(), r'of type bytes; decode it: bytes\(given\)\.decode\("utf-8"\)'),
    "array of characters": (CHARACTERS, r"of type array; join it: given\.tounicode\(\)"),
    "list": ([TEXT], "of type list; give one str at a time"),
    "Series": (pd.Series([TEXT]), "of type Series; give a str"),
    "number": (3, "of type int; give a str"),
    "UserString": (UserString(TEXT), "of type UserString; give a str"),
}
pytestmark = pytest.mark.usefixtures("any_types")


@pytest.mark.parametrize("kind", NO_TEXTS)
@pytest.mark.parametrize("method", ["pieces", "chars", "text", "blank", "complete", "inspect"])
def test_what_is_no_text_is_refused_by_its_type(encoder, method, kind):
    given, why = NO_TEXTS[kind]
    with pytest.raises(TextError, match=f"^the text (is )?{why}"):
        getattr(encoder, method)(given)
    with pytest.raises(TextError, match=why):
        encoder.spans(given, [(0, 1)])
    with pytest.raises(TextError, match=f"^word 1 (is )?{why}"):
        encoder.words(["我", given])


@pytest.mark.parametrize(
    "words",
    [
        tuple(WORDS),
        (word for word in WORDS),
        np.array(WORDS),
        pd.Series(WORDS, index=[3, 2, 1, 0]),
        pa.array(WORDS),
        dict.fromkeys(WORDS).keys(),
        dict(enumerate(WORDS)).values(),
    ],
    ids=lambda words: type(words).__name__,
)
def test_words_come_in_any_collection_that_has_an_order(encoder, words):
    words = list(words) if isinstance(words, tuple) else words
    assert encoder.words(words) == encoder.words(WORDS)


@pytest.mark.parametrize("level", ["word", "piece", "text"])
def test_a_generator_of_words_has_its_offsets_at_every_level(encoder, level):
    assert encoder.words(iter(WORDS), level) == encoder.words(WORDS, level)


@pytest.mark.parametrize(
    "words",
    [
        TEXT,
        np.str_(TEXT),
        b"ab",
        CHARACTERS,
        set(WORDS),
        dict.fromkeys(WORDS),
        None,
        3,
        pd.DataFrame({"我": WORDS}),
        pa.table({"我": WORDS}),
    ],
    ids=lambda words: type(words).__name__,
)
def test_a_str_or_a_table_is_not_read_as_words(encoder, words):
    with pytest.raises(TextError, match=r"^the list of words is .*; give a list of words, such"):
        encoder.words(words)


@pytest.mark.parametrize(
    "spans",
    [iter([(1, 3), (5, 7)]), np.array([[1, 3], [5, 7]]), [np.array([1, 3]), range(5, 8, 2)]],
    ids=["iterator", "array", "range"],
)
def test_spans_are_pairs_of_whole_numbers_of_any_kind(encoder, spans):
    found = encoder.spans(TEXT, spans)
    assert found == encoder.spans(TEXT, [(1, 3), (5, 7)])
    assert {type(place) for offset in found.offsets for place in offset} == {int}


@pytest.mark.parametrize(
    ("spans", "why"),
    [
        (None, r"the list of spans is None; give a list of spans \[begin, end\)"),
        ("01", "the list of spans is of type str"),
        ((0, 1), "span 0 is of type int; give two whole numbers"),
        ([(0, 1), {1, 2}], "span 1 is of type set; give two whole numbers"),
        ([(0, 1), "12"], "span 1 is of type str"),
        ([(0, 1.0)], "a number of span 0 is of type float; give a whole number"),
        ([(False, True)], "a number of span 0 is of type bool"),
        ([np.array([0, 1, 2])], r"span 0 is \[0, 1, 2\]; it must be"),
    ],
)
def test_other_spans_are_refused_by_their_place_and_type(encoder, spans, why):
    with pytest.raises(SpanError, match=f"^{why}"):
        encoder.spans(TEXT, spans)


@pytest.mark.parametrize("level", ["piece", "text"])
def test_ids_are_whole_numbers_of_any_kind(encoder, level):
    ids = encoder.pieces(TEXT).ids
    for given in (iter(ids), np.array(ids), array("i", ids), pd.Series(ids), pa.array(ids)):
        found = encoder.ids(given, level)
        assert found == encoder.ids(list(ids), level)
        assert {type(one) for one in found.ids} == {int}


@pytest.mark.parametrize(
    ("ids", "why"),
    [
        ("56", "the list of ids is of type str; give a list of piece ids"),
        (b"56", "the list of ids is of type bytes"),
        (None, "the list of ids is None"),
        ([5, 6.0], "id 1 is of type float; give a whole number"),
        ([True], "id 0 is of type bool"),
        (["5"], "id 0 is of type str"),
        ([[5, 6]], "id 0 is of type list"),
    ],
)
def test_other_ids_are_refused_by_their_place_and_type(encoder, ids, why):
    with pytest.raises(IdError, match=f"^{why}"):
        encoder.ids(ids)
