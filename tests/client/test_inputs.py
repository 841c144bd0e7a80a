"""Test which kinds of input the methods take, without a service: nothing is sent."""

import asyncio
import enum
import io
import sys
from array import array
from collections import OrderedDict, UserString
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from bilm_client import AsyncClient, Client, InputError
from bilm_client.inputs import ids_of, is_table, spans_of, texts_of, words_of
from bilm_client.transformer import TextVectors

TEXTS = ["甲", "乙乙", "丙"]
CHARACTERS = array("w" if sys.version_info >= (3, 13) else "u", "甲乙")
NOWHERE = "http://127.0.0.1:1"


class Color(enum.StrEnum):
    """A string of another class than str."""

    RED = "红"


TAKEN = {
    "list": TEXTS,
    "tuple": tuple(TEXTS),
    "generator": (text for text in TEXTS),
    "map": map(str, TEXTS),
    "pandas Series": pd.Series(TEXTS),
    "pandas Series with another index": pd.Series(TEXTS, index=[7, 3, 5]),
    "pandas Series of Python's objects": pd.Series(TEXTS, dtype=object),
    "pandas Series of pyarrow": pd.Series(TEXTS, dtype="string[pyarrow]"),
    "pandas Categorical": pd.Series(TEXTS, dtype="category"),
    "pandas Index": pd.Index(TEXTS),
    "pyarrow Array": pa.array(TEXTS),
    "pyarrow ChunkedArray": pa.chunked_array([TEXTS[:1], TEXTS[1:]]),
    "pyarrow dictionary": pa.array(TEXTS).dictionary_encode(),
    "numpy str": np.array(TEXTS),
    "numpy object": np.array(TEXTS, dtype=object),
    "numpy StringDType": np.array(TEXTS, dtype=np.dtypes.StringDType()),
    "dict's values": {"a": "甲", "b": "乙乙", "c": "丙"}.values(),
    "dict's keys": dict.fromkeys(TEXTS).keys(),
}
REFUSED = {
    "DataFrame": (pd.DataFrame({"text": TEXTS}), 'a DataFrame has columns.*df\\["text"\\]'),
    "pyarrow Table": (pa.table({"text": TEXTS}), 'a Table has columns.*df\\["text"\\]'),
    "RecordBatch": (pa.record_batch({"text": TEXTS}), "a RecordBatch has columns"),
    "structured array": (np.array([("甲",)], dtype=[("text", "U4")]), "a ndarray has columns"),
    "dict": (dict.fromkeys(TEXTS), r"a dict has names.*list\(given.values\(\)\)"),
    "OrderedDict": (OrderedDict.fromkeys(TEXTS), "an OrderedDict has names"),
    "set": (set(TEXTS), "a set has no order"),
    "frozenset": (frozenset(TEXTS), "a frozenset has no order"),
    "bytes": ("甲".encode(), "decode it"),
    "bytearray": (bytearray(b"a"), "decode it"),
    "array of characters": (CHARACTERS, r"an array has single characters.*given\.tounicode\(\)"),
    "UserString": (UserString("甲乙"), r"a single value; convert it: str\(given\)"),
    "path": (Path("texts.txt"), "read the file"),
    "file": (io.StringIO("甲\n乙\n"), "lines with their ends"),
    "number": (3, r"an int \(3\) has no texts"),
    "nan": (float("nan"), r"a float \(nan\) has no texts.*leave it out"),
    "pandas NA": (pd.NA, "a NAType has no texts.*leave it out"),
    "0-d array": (np.array("甲"), r"the shape \(\).*given\.item\(\)"),
    "2-d array": (np.array([TEXTS]), r"the shape \(1, 3\).*given\[:, 0\]"),
    "2-d tensor": (torch.zeros(2, 2), r"the shape \(2, 2\)"),
}
BAD = {
    "None": (None, "None; leave it out"),
    "nan": (float("nan"), r"a float \(nan\); leave it out"),
    "pandas NA": (pd.NA, "a NAType; leave it out"),
    "number": (12, r"an int \(12\); give a string"),
    "bytes": ("甲".encode(), r"a bytes; decode it: given\.decode"),
    "numpy bytes": (np.bytes_(b"a"), "a bytes_; decode it"),
    "UserString": (UserString("甲"), r"a UserString; convert it: str\(given\)"),
    "path": (Path("a.txt"), "Path; read the file"),
    "list": (["甲"], "a list; give a flat list of strings"),
    "dict": ({"text": "甲"}, "a dict; give a string"),
    "table": (pd.DataFrame({"text": TEXTS}), "a DataFrame; give a string"),
}


def awaited(method, *arguments, **more):
    async def call():
        async with AsyncClient(NOWHERE) as client:
            return await getattr(client, method)(*arguments, **more)

    return asyncio.run(call())


def called(method, *arguments, **more):
    with Client(NOWHERE) as client:
        return getattr(client, method)(*arguments, **more)


METHODS = {
    "embed": lambda call, texts: call("embed", texts),
    "tokenize": lambda call, texts: call("tokenize", texts),
    "similarity": lambda call, texts: call("similarity", "甲", texts),
    "word_vectors": lambda call, texts: call("word_vectors", texts, "甲"),
}


@pytest.fixture(params=[called, awaited], ids=["sync", "async"])
def call(request):
    return request.param


@pytest.mark.parametrize("kind", TAKEN)
def test_a_collection_in_order_is_taken_as_plain_strings(kind):
    found = list(texts_of(TAKEN[kind]))
    assert found == TEXTS
    assert {type(text) for text in found} == {str}


def test_a_single_string_of_any_class_is_one_text():
    assert list(texts_of("甲")) == list(texts_of(np.str_("甲"))) == ["甲"]
    assert list(texts_of(Color.RED)) == ["红"]
    assert list(texts_of([Color.RED, np.str_("乙")])) == ["红", "乙"]


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("method", METHODS)
def test_another_collection_is_refused_by_every_method(call, method, kind):
    given, why = REFUSED[kind]
    with pytest.raises(InputError, match=rf"^texts: .*{why}"):
        METHODS[method](call, given)


@pytest.mark.parametrize("kind", REFUSED)
def test_another_collection_is_refused_by_embed_iter_when_it_is_called(kind):
    given, why = REFUSED[kind]
    with pytest.raises(InputError, match=why), Client(NOWHERE) as client:
        client.embed_iter(given)
    with pytest.raises(InputError, match=why):
        AsyncClient(NOWHERE).embed_iter(given)


@pytest.mark.parametrize(
    "kind", sorted(REFUSED.keys() - {"DataFrame", "pyarrow Table", "RecordBatch"})
)
def test_another_collection_is_refused_by_the_step_of_a_pipeline(kind):
    given, _ = REFUSED[kind]
    with pytest.raises(InputError):
        TextVectors(NOWHERE).fit(given)
    with pytest.raises(InputError):
        TextVectors(NOWHERE).transform(given)


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("method", METHODS)
def test_a_text_that_is_none_is_named_by_number_and_kind(call, method, kind):
    given, why = BAD[kind]
    with pytest.raises(InputError, match=rf"^text 2 is .*{why}") as caught:
        METHODS[method](call, ["甲", "乙", given, None])
    assert caught.value.text == 2


@pytest.mark.parametrize("kind", sorted(BAD.keys() - {"list"}))
@pytest.mark.parametrize("method", ["fill", "complete", "inspect"])
def test_a_single_text_that_is_none_is_refused(call, method, kind):
    given, why = BAD[kind]
    with pytest.raises(InputError, match=rf"^text is .*{why.split(';')[0]}"):
        call(method, given)
    with pytest.raises(InputError, match=r"^text is a list"):
        call(method, ["甲"])


def test_a_word_is_a_string(call):
    with pytest.raises(InputError, match=r"^word is a list"):
        call("similarity", ["甲"], ["甲"])
    with pytest.raises(InputError, match=r"^word is None"):
        call("word_vectors", ["甲"], None)


def test_a_missing_value_in_a_series_is_found():
    with pytest.raises(InputError, match=r"^text 1 is "):
        texts_of(pd.Series(["甲", None]))
    with pytest.raises(InputError, match=r"^text 1 is None"):
        texts_of(pa.array(["甲", None]))


def test_arrays_of_bytes_and_of_numbers_are_told_by_their_first_element():
    with pytest.raises(InputError, match=r"^text 0 is a bytes_; decode it"):
        texts_of(np.array([b"a"]))
    with pytest.raises(InputError, match=r"^text 0 is a float64 \(.*1.5"):
        texts_of(np.array([1.5]))


def test_an_asynchronous_generator_is_refused():
    async def texts():
        yield "甲"

    with pytest.raises(InputError, match="must be awaited"):
        texts_of(texts())


def test_polars_is_known_too():
    pl = pytest.importorskip("polars")
    assert list(texts_of(pl.Series(TEXTS))) == TEXTS
    for table in (pl.DataFrame({"text": TEXTS}), pl.LazyFrame({"text": TEXTS})):
        with pytest.raises(InputError, match="Frame has columns"):
            texts_of(table)


def test_no_series_and_no_array_is_a_table():
    assert not any(is_table(given) for given in TAKEN.values())


def test_an_error_of_the_input_is_a_type_error_and_a_value_error():
    for kind in (TypeError, ValueError):
        with pytest.raises(kind):
            texts_of(3)


# Words, ids, spans.


def test_words_come_in_any_collections():
    expected = [["我", "吃了"], ["苹果"]]
    assert words_of(expected) == expected
    assert words_of(pd.Series(expected)) == expected
    assert words_of(pa.array(expected)) == expected
    assert words_of([np.array(["我", "吃了"]), ("苹果",)]) == expected


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("我吃了", "words: a str is a single value"),
        (["我吃了"], "words of text 0: a str is not taken"),
        ([["我"], {"吃"}], "words of text 1: a set is not taken"),
        ([["我"], ["吃", None]], "word 1 of text 1 is None"),
        ([["我"], 3], r"words of text 1 is an int \(3\)"),
        ([io.StringIO("我\n吃\n")], "words of text 0: a StringIO is not taken"),
        ([Path("words.txt")], "words of text 0: a PosixPath is not taken"),
        ([np.array("我")], "words of text 0: a ndarray is not taken"),
        ([CHARACTERS], "words of text 0: an array is not taken"),
        (pd.DataFrame({"a": ["我"]}), "words: a DataFrame has columns"),
        ([["我"], pd.DataFrame({"a": ["我"]})], "words of text 1: a DataFrame is not taken"),
        ([["我"], pa.table({"a": ["我"]})], "words of text 1: a Table is not taken"),
        ({"a": ["我"]}, "words: a dict has names"),
    ],
)
def test_words_of_another_kind_are_refused(call, given, why):
    for method in ("embed", "tokenize"):
        with pytest.raises(InputError, match=why):
            call(method, words=given)


def test_what_a_generator_of_words_raises_is_not_taken_for_a_wrong_kind():
    def words():
        yield "我"
        raise TypeError("a fault of the caller's own")

    with pytest.raises(TypeError, match="a fault of the caller's own"):
        list(words_of([words()]))


@pytest.mark.parametrize("number", [10**400, -(10**4000), 1e300, -(10**16)])
def test_a_number_among_texts_is_named_however_large_it_is(number):
    with pytest.raises(InputError, match=r"text 1 is an? (int|float) \(…\)"):
        texts_of(["a", number])


def test_ids_are_integers_of_any_library():
    expected = [[3, 4], [5]]
    assert ids_of([np.array([3, 4]), [5]]) == expected
    assert ids_of([torch.tensor([3, 4]), (np.int64(5),)]) == expected
    assert ids_of(pa.array(expected)) == expected
    assert {type(one) for ids in ids_of([np.array([3])]) for one in ids} == {int}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ([[3], [4, 5.0]], r"id 1 of text 1 is a float \(5.0\)"),
        ([[3], [True]], "id 0 of text 1 is a bool"),
        ([[3], [np.True_]], "id 0 of text 1 is a bool"),
        ([[3], ["4"]], "id 0 of text 1 is a str"),
        ([3], r"ids of text 0 is an int \(3\)"),
        (pd.DataFrame({"a": [3]}), "ids: a DataFrame has columns"),
        ([[3], pd.DataFrame({"a": [3]})], "ids of text 1: a DataFrame is not taken"),
        ({"a": [3]}, "ids: a dict has names"),
        ([[3], {3: 4}], "ids of text 1: a dict is not taken"),
        (np.array([[3, 4]]), r"ids: a ndarray has the shape \(1, 2\)"),
        ([np.array([[3]])], "ids of text 0: a ndarray is not taken"),
        ([bytearray(b"ab")], "ids of text 0: a bytearray is not taken"),
        ([[3], memoryview(b"ab")], "ids of text 1: a memoryview is not taken"),
        ([CHARACTERS], "ids of text 0: an array is not taken"),
    ],
)
def test_ids_of_another_kind_are_refused(call, given, why):
    with pytest.raises(InputError, match=why):
        call("embed", ids=given)


def test_spans_are_pairs_of_integers_of_any_library():
    assert spans_of([[(0, 1)], np.array([[2, 3], [4, 5]])]) == [[[0, 1]], [[2, 3], [4, 5]]]
    assert spans_of([[], [[np.int64(1), 2]]]) == [[], [[1, 2]]]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ([[(0, 1)], [(0, 1.5)]], r"a number of span 0 of text 1 is a float \(1.5\)"),
        ([[(0, 1)], [3]], r"span 0 of text 1 is an int \(3\)"),
        ([[(0, 1)], None], "spans of text 1 is None"),
        ([[(0, 1)], [b"ab"]], "span 0 of text 1 is a bytes; give"),
        ([[(0, 1)], [bytearray(b"ab")]], "span 0 of text 1 is a bytearray; give"),
        ([[(0, 1)], [{2, 1}]], "span 0 of text 1 is a set; give"),
        ([[(0, 1)], [{0: 1}]], "span 0 of text 1 is a dict; give"),
        ([[(0, 1)], bytearray(b"ab")], "spans of text 1: a bytearray is not taken"),
        ([[(0, 1)]], "there are spans for 1 of 2 texts"),
        ("fewer", "there is no list of spans 1"),
        ({0: [(0, 1)]}, "spans: a dict has names"),
        (pd.DataFrame({"begin": [0], "end": [1]}), "spans: a DataFrame has columns"),
        ([[(0, 1)], pd.DataFrame({"a": [0]})], "spans of text 1: a DataFrame is not taken"),
        ([[(0, 1)], [pd.DataFrame({"a": [0]})]], "span 0 of text 1 is a DataFrame; give"),
    ],
)
def test_spans_of_another_kind_are_refused(call, peer, given, why):
    if isinstance(given, str):
        given = iter([[(0, 1)]])

    def by_thread():
        with Client(peer.url) as client:
            client.embed(["甲", "乙"], spans=given)

    async def by_tasks():
        async with AsyncClient(peer.url) as client:
            await client.embed(["甲", "乙"], spans=given)

    with pytest.raises(InputError, match=why):
        by_thread() if call is called else asyncio.run(by_tasks())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, object()])
def test_a_field_that_json_does_not_have_is_refused(call, value):
    with pytest.raises(InputError, match="sent as JSON"):
        call("complete", "甲", temperature=value)
