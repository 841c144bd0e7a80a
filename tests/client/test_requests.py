import re

import numpy as np
from bilm_client.requests import REQUEST_CHARACTERS, Request, places_of, split
from bilm_client.service import Service
from bilm_client.tensors import read_tensors
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

lengths = st.lists(st.integers(0, 20) | st.integers(0, 6000), max_size=60)


@given(lengths, st.integers(1, 5))
def test_parts_hold_every_text_once_in_order_and_keep_both_limits(lengths, max_texts):
    texts = ["我" * length for length in lengths]
    spans = list(range(len(texts)))
    entries = ((number, {"texts": texts[number], "spans": number}) for number in spans)
    parts = list(split("/embed", entries, {"a": 1}, Service(max_texts=max_texts)))
    assert [text for part in parts for text in part.per_text["texts"]] == texts
    assert [span for part in parts for span in part.body["spans"]] == spans
    assert [part.numbers for part in parts] == [part.body["spans"] for part in parts]
    for part in parts:
        assert 1 <= part.num_texts <= max_texts
        assert part.num_texts == 1 or len("".join(part.body["texts"])) <= REQUEST_CHARACTERS


def test_a_request_does_not_wait_for_a_slow_source():
    times = [0.0]

    def entries():
        for number, after_s in enumerate([0, 0.1, 0.1, 0.1, 1, 1, 0, 0.4, 0.3, 0]):
            times.append(times[-1] + after_s)
            yield number, {"texts": "我"}

    found = []
    for part in split("/embed", entries(), {}, Service(max_texts=99), lambda: times[-1]):
        found.append(part.numbers)
        times.append(times[-1] + 60)  # the service takes a minute, which is no time of the source
    assert found == [[0, 1, 2, 3, 4], [5], [6, 7, 8], [9]]


@given(st.lists(st.integers(0, 99), min_size=2, max_size=30))
def test_halves_are_the_whole(numbers):
    request = Request("/embed", {"ids": [[n] for n in numbers]}, {}, numbers)
    one, other = request.halves()
    assert [*one.body["ids"], *other.body["ids"]] == request.body["ids"]
    assert [*one.numbers, *other.numbers] == numbers
    assert min(one.num_texts, other.num_texts) >= 1


@given(st.text("苹果aa", min_size=1, max_size=3), st.text("苹果a", max_size=30))
def test_places_are_those_of_a_regular_expression(word, text):
    expected = [match.span() for match in re.finditer(re.escape(word), text)]
    assert places_of(word, text) == expected


def test_tensors_are_those_the_library_reads():
    random = np.random.default_rng(1)
    tensors = {
        "a": random.normal(size=(3, 4)).astype("<f4"),
        "b": random.normal(size=(2, 5, 1)).astype("<f2"),
        "c": np.arange(7, dtype="<i8"),
        "d": np.zeros((0, 2), "<i4"),
    }
    body = save(tensors, {"data": '[{"x": 1}]'})
    found, metadata = read_tensors(body)
    assert metadata == {"data": [{"x": 1}]}
    assert found.keys() == tensors.keys()
    for name, expected in load(body).items():
        np.testing.assert_array_equal(found[name], expected, strict=True)
