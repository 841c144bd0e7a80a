"""Test what the client makes of odd answers, and what it keeps of good ones."""

import gc
import json
import tracemalloc

import numpy as np
import pytest
from bilm_client import Client, ForeignAnswerError, RefusedError
from safetensors.numpy import save

from tests.client.numbers_peer import NUMBERS, refusal, vectors
from tests.live import INFO


@pytest.mark.parametrize("index", [-1, 1, 99, True, 0.0, "0", None, [0]])
def test_an_index_that_is_none_of_the_texts_is_not_used(peer, index):
    peer.answer = lambda _: refusal(422, "bad", param="texts", details={"index": index})
    with Client(peer.url) as client, pytest.raises(RefusedError) as caught:
        client.embed(["0"])
    assert str(caught.value) == "422 bad: no"
    assert caught.value.text is None


@pytest.mark.parametrize("param", ["mix", "layers", "mix.weights.0", "model", "top_k"])
def test_an_index_into_another_field_is_no_text(peer, param):
    peer.answer = lambda _: refusal(422, "bad", param=param, details={"index": 0})
    with Client(peer.url) as client, pytest.raises(RefusedError) as caught:
        client.embed(["0"])
    assert (str(caught.value), caught.value.text) == ("422 bad: no", None)
    assert caught.value.param == param


def test_a_message_has_one_number_that_of_the_caller(peer):
    def answer(body):
        if "31" not in body["texts"]:
            return vectors(body)
        index = body["texts"].index("31")
        message = f"text {index}: the span [0, 9) ends after the text, which has {index + 2} places"
        return refusal(422, "bad_span", message, param="spans", details={"index": index})

    peer.answer = answer
    with Client(peer.url) as client, pytest.raises(RefusedError) as caught:
        client.embed(NUMBERS)
    place = "text 31: the span [0, 9) ends after the text, which has 3 places"
    assert str(caught.value) == f"422 bad_span: {place}"


def test_a_message_without_a_number_gets_that_of_the_caller(peer):
    peer.answer = lambda body: (
        refusal(422, "bad", "input: no string; see /docs", param="texts", details={"index": 1})
        if "31" in body["texts"]
        else vectors(body)
    )
    with Client(peer.url) as client, pytest.raises(RefusedError) as caught:
        client.embed(NUMBERS)
    assert str(caught.value) == "422 bad: input: no string; see /docs (text 31 of those given)"


def test_a_place_counts_all_texts_like_the_message(peer):
    def answer(body):
        if "31" not in body["texts"]:
            return vectors(body)
        details = {
            "index": body["texts"].index("31"),
            "place": f"texts.{body['texts'].index('31')}.0",
        }
        return refusal(422, "bad", param="texts", details=details)

    peer.answer = answer
    with Client(peer.url) as client, pytest.raises(RefusedError) as caught:
        client.embed(NUMBERS)
    assert (caught.value.text, caught.value.place) == (31, "texts.31.0")


@pytest.mark.parametrize(
    ("param", "details", "place"),
    [
        ("mix", {"index": None, "place": "mix.weights.2"}, "mix.weights.2"),
        ("layers", {"index": 0, "place": "layers.0"}, "layers.0"),
        ("mix", {"place": None}, None),
        ("mix", {"place": ["mix"]}, None),
        ("texts", {"index": 9, "place": "texts.9"}, None),
    ],
)
def test_a_place_in_another_field_is_the_services(peer, param, details, place):
    peer.answer = lambda _: refusal(422, "bad", param=param, details=details)
    with Client(peer.url) as client, pytest.raises(RefusedError) as caught:
        client.embed(["0"])
    assert caught.value.place == place


@pytest.mark.parametrize(
    "fields", [{"details": 3}, {"details": []}, {"param": {}}, {"request_id": []}, {"code": None}]
)
def test_fields_of_another_type_break_nothing(peer, fields):
    peer.answer = lambda _: refusal(422, **{"code": "bad", **fields})
    with Client(peer.url) as client, pytest.raises(RefusedError, match="422"):
        client.embed(["0"])


def body_with(revision="1", **changes):
    """Return a safetensors body for one text, with the revision or some tensors changed."""
    tensors = {"embedding": np.zeros((2, 1), "<f4"), "row_splits": np.array([0, 2], "<i8")}
    rest = {"model": {"revision": revision}, "data": [{"truncated": False}]}
    return save(tensors | changes, {name: json.dumps(value) for name, value in rest.items()})


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":' * 100_000,
        b"\xff" * 8 + b"{}",
        body_with(row_splits=np.array([0, 9], "<i8")),
        body_with(row_splits=np.array([2, 0], "<i8")),
        body_with(row_splits=np.array([1, 2], "<i8")),
        body_with(row_splits=np.array([], "<i8")),
        body_with(embedding=np.zeros(2, "<f4")),
        body_with(embedding=np.zeros((), "<f4")),
        body_with(revision=["1"]),
        body_with(revision=None),
    ],
)
def test_an_odd_answer_is_a_foreign_one(peer, body):
    peer.answer = lambda _: (200, {}, body)
    with Client(peer.url) as client, pytest.raises(ForeignAnswerError):
        client.embed(["0"])
    with Client(peer.url) as client, pytest.raises(ForeignAnswerError):
        client.fill("我__")


@pytest.mark.parametrize("number", [0, -5, 10**30, float("inf"), None, "many", [3]])
def test_a_limit_that_no_service_has_is_one_of_another_server(peer, number):
    peer.info = (200, {}, INFO | {"limits": {"max_texts": number}})
    for ask in (lambda c: c.embed(["0"]), lambda c: c.similarity("0", ["0"]), Client.info):
        with Client(peer.url) as client, pytest.raises(ForeignAnswerError, match="cannot be read"):
            ask(client)


def test_vectors_are_copies_that_may_be_written_to(service_url):
    with Client(service_url) as client:
        one, other = client.embed(["我吃了一个苹果", "我在用苹果手机"])
    before = other.vectors.copy()
    for array in (one.vectors, one.offsets, one.ids):
        assert array.flags.owndata
        array *= 2
    np.testing.assert_array_equal(other.vectors, before)


def test_the_arrays_of_the_gates_may_be_written_to(inspecting_url):
    with Client(inspecting_url) as client:
        gates = client.inspect("我吃了一个苹果")
    for name in ("input_gate", "cell_state", "state"):
        array = getattr(gates, name)
        array *= 2


def test_one_vector_keeps_no_whole_answer_in_memory(peer):
    width = 100_000

    def answer(body):
        number = len(body["texts"])
        tensors = {
            "embedding": np.zeros((number, width), "<f4"),
            "row_splits": np.arange(number + 1, dtype="<i8"),
        }
        rest = {"model": {"revision": "1"}, "data": [{"truncated": False}] * number}
        return 200, {}, save(tensors, {name: json.dumps(value) for name, value in rest.items()})

    peer.answer = answer
    with Client(peer.url) as client:
        client.embed(["0"])
        gc.collect()
        tracemalloc.start()
        vector = client.embed(["0", "1", "2"])[0].vectors
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert vector.nbytes <= kept < 1.5 * vector.nbytes
