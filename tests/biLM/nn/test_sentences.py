"""What is wrong with the sentences of a caller is named with its place."""

import sys
from array import array

import numpy as np
import pandas as pd
import pytest

from biLM.errors import SentenceError, SpanError

CHARACTERS = array("w" if sys.version_info >= (3, 13) else "u", "我吃")


@pytest.fixture
def elmo(load):
    return load()


@pytest.mark.usefixtures("any_types")
@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        ("我吃苹果", r"the batch of sentences is '我吃苹果' \(str\); give a list of sentences"),
        (None, r"the batch of sentences is None \(NoneType\)"),
        (
            pd.DataFrame({"我": ["吃"]}),
            r"(?s)the batch of sentences is .* \(DataFrame\); give a list",
        ),
        ([CHARACTERS], r"sentence 0 is .* \(array\); give a list"),
        (3, r"the batch of sentences is 3 \(int\)"),
        ({"我": 1}, r"the batch of sentences is .* \(dict\)"),
        (iter([["我"]]), r"the batch of sentences is .*iterator"),
        (
            ["我", "吃"],
            r"sentence 0 is '我' \(str\); give a list of sentences, each a list of words",
        ),
        ([["我"], None], r"sentence 1 is None \(NoneType\)"),
        ([["我"], float("nan")], r"sentence 1 is nan \(float\)"),
        ([["我"], b"\xe6"], r"sentence 1 is .* \(bytes\)"),
        ([["我"], ["吃", None]], r"sentence 1, word 1 is None \(NoneType\); it must be a str"),
        ([["我", float("nan")]], r"sentence 0, word 1 is nan \(float\)"),
        ([["我", ["吃"]]], r"sentence 0, word 1 is \['吃'\] \(list\)"),
        ([["我"], ["吃", "\ud800"]], r"sentence 1, word 1: code point 0 is the lone surrogate"),
        ([["我" * 9, 10**99]], r"sentence 0, word 1 is 10{39}… \(int\)"),
    ],
)
def test_the_sentence_and_the_word_are_named(elmo, sentences, message):
    with pytest.raises(SentenceError, match=message):
        elmo(sentences)


@pytest.mark.usefixtures("any_types")
@pytest.mark.parametrize(
    ("texts", "spans", "error", "message"),
    [
        (
            "我",
            [[(0, 1)]],
            SentenceError,
            r"the batch of texts is '我' \(str\); give a list of texts",
        ),
        (
            pd.DataFrame({"我": ["吃"]}),
            [[(0, 1)]],
            SentenceError,
            r"(?s)the batch of texts is .* \(DataFrame\); give a list of texts",
        ),
        ([["我"]], [[(0, 1)]], SentenceError, r"text 0 is \['我'\] \(list\); it must be a str"),
        (["我", "\ud800"], [[], []], SentenceError, "text 1: code point 0 is the lone surrogate"),
        (["我", "吃"], [[(0, 1)]], SentenceError, "2 texts and 1 lists of spans"),
        (["我"], 3, SentenceError, r"spans is 3 \(int\)"),
        (["我"], [None], SentenceError, r"the spans of text 0 is None"),
        (["我"], [[(0, 1), 4]], SentenceError, r"text 0: span 1 is 4 \(int\)"),
        (["我"], [[(0, 1.5)]], SpanError, r"text 0: span 0 is \(0, 1.5\) .* two whole numbers"),
        (["我", "吃"], [[], [(0, 1), (1, 2)]], SpanError, r"text 1: span 1 is \[1, 2\]; .* <= 1,"),
        (["我"], [[(0, 1, 2)]], SpanError, r"text 0: span 0 is \[0, 1, 2\]"),
    ],
)
def test_the_text_and_the_span_are_named(elmo, texts, spans, error, message):
    with pytest.raises(error, match=message):
        elmo(texts, spans=spans)


@pytest.mark.usefixtures("any_types")
def test_tuples_arrays_and_numpys_strings_are_sentences_too(elmo):
    expected = elmo([["我", "苹果"]])["elmo_representations"][0]
    for sentences in (
        (("我", "苹果"),),
        np.array([["我", "苹果"]]),
        [np.array(["我", "苹果"], object)],
    ):
        assert elmo(sentences)["elmo_representations"][0].equal(expected)
    spans = np.array([[[0, 1], [1, 3]]])
    assert elmo(["我苹果"], spans=spans)["mask"].shape == (1, 2)
