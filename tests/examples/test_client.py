import base64
import socket
import threading

import numpy as np
import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from examples.classifier.client import MAX_WAIT_S, EmbedClient, batches, decode
from examples.classifier.errors import DataError, ServiceError
from tests.live import INFO, PATIENCE_S
from tests.reference.geometry import centred
from tests.reference.lstm import representations


def entry(index, *numbers):
    embedding = base64.b64encode(np.array(numbers, "<f4").tobytes()).decode()
    return {
        "index": index,
        "shape": [1, 1, len(numbers)],
        "dtype": "float32",
        "embedding": embedding,
    }


def lengths(body):
    """An answer that tells the texts apart: the vector of each is its length."""
    data = [entry(index, len(text)) for index, text in enumerate(body["texts"])]
    return 200, {}, {"model": INFO["model"], "data": data}


def refusal(status, code, **headers):
    body = {"error": {"code": code, "message": "the queue is full"}}
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, body


def embedded(client, texts):
    return [vectors.item() for vectors in client.embed(texts, {"level": "text"})]


def test_the_vectors_of_the_real_service_are_those_of_the_numpy_oracle(
    service_url, artifact, pieces_model
):
    cut = sentencepiece.SentencePieceProcessor(model_proto=pieces_model).encode
    texts = ["苹果很甜", "我在用苹果手机", "fox"]
    request = {"level": "text", "layers": "all", "pooling": "mean", "center": True}
    with EmbedClient(service_url) as client:
        found = list(client.embed(texts, request))
    for text, vectors in zip(texts, found, strict=True):
        ids = [artifact.config.bos_id, *cut(text), artifact.config.eos_id]
        layers = representations(artifact.model.state_dict(), ids)[:, 1:-1]
        expected = centred(artifact.geometry, layers).mean(axis=1)
        # float32 arithmetic of the service against float64 of the oracle
        np.testing.assert_allclose(vectors[:, 0], expected, atol=1e-5)


def test_more_texts_than_a_request_takes_are_answered_in_order(service_url):
    texts = ["苹果" * (number % 7 + 1) for number in range(600)]
    with EmbedClient(service_url) as client:
        together = list(client.embed(texts, {"level": "text"}))
        alone = {text: next(client.embed([text], {"level": "text"})) for text in set(texts)}
    assert len(together) == 600
    for text, vectors in zip(texts, together, strict=True):
        # float32 sums reordered by the number of rows; texts differ by 1e-2
        np.testing.assert_allclose(vectors, alone[text], atol=1e-6)


def test_order_is_kept_when_the_first_answer_comes_last(peer):
    later_has_come = threading.Event()

    def answer(body):
        if "a" in body["texts"]:
            assert later_has_come.wait(PATIENCE_S), "one request at a time"
        else:
            later_has_come.set()
        return lengths(body)

    peer.answer = answer
    with EmbedClient(peer.url) as client:
        found = embedded(client, ["a" * length for length in range(1, 60)])
    assert found == list(range(1, 60))
    # max_texts is 3; twenty requests are more than may wait at once
    assert sorted(len(body["texts"]) for _, _, body in peer.seen) == [2] + [3] * 19


def test_a_429_is_asked_again_after_the_seconds_it_names(peer):
    answers = iter([refusal(429, "overloaded", Retry_After=7)])
    peer.answer = lambda body: next(answers, None) or lengths(body)
    waits = []
    with EmbedClient(peer.url, wait=waits.append) as client:
        assert embedded(client, ["ab"]) == [2]
    assert waits == [7]


def test_a_503_without_retry_after_is_asked_again_too(peer):
    answers = iter([refusal(503, "draining"), refusal(503, "starting")])
    peer.answer = lambda body: next(answers, None) or lengths(body)
    waits = []
    with EmbedClient(peer.url, wait=waits.append) as client:
        assert embedded(client, ["ab"]) == [2]
    assert waits == [1, 1]


def test_waiting_ends_at_its_bound_with_the_services_words(peer):
    peer.answer = lambda _: refusal(429, "overloaded", Retry_After=50)
    waits = []
    with (
        EmbedClient(peer.url, wait=waits.append) as client,
        pytest.raises(ServiceError, match="429 overloaded: the queue is full; gave up"),
    ):
        embedded(client, ["ab"])
    assert waits == [50, 50]
    assert sum(waits) <= MAX_WAIT_S


def test_a_refusal_that_waiting_cannot_mend_is_not_asked_again(peer):
    peer.answer = lambda _: refusal(422, "unknown_layer", Retry_After=1)
    with EmbedClient(peer.url) as client, pytest.raises(ServiceError) as caught:
        embedded(client, ["ab"])
    assert (caught.value.status, caught.value.code) == (422, "unknown_layer")
    assert len(peer.seen) == 1


def test_a_request_that_is_too_large_is_halved(peer):
    def answer(body):
        return lengths(body) if len(body["texts"]) == 1 else refusal(413, "too_many_pieces")

    peer.answer = answer
    with EmbedClient(peer.url) as client:
        assert embedded(client, ["a", "ab", "abc"]) == [1, 2, 3]


def test_one_text_that_is_too_large_is_refused(peer):
    peer.answer = lambda _: refusal(413, "response_too_large")
    with EmbedClient(peer.url) as client, pytest.raises(ServiceError, match="response_too_large"):
        embedded(client, ["a"])


def test_a_model_that_changes_between_two_answers_is_noticed(peer):
    def answer(body):
        status, headers, value = lengths(body)
        return status, headers, {**value, "model": {"revision": "sha256:2"}}

    peer.answer = answer
    with (
        EmbedClient(peer.url) as client,
        pytest.raises(ServiceError, match="from sha256:1 to sha256:2"),
    ):
        embedded(client, ["a"])


def test_an_api_key_travels_as_bearer_token(peer):
    peer.answer = lengths
    with EmbedClient(peer.url, api_key="secret") as client:
        embedded(client, ["a"])
    assert peer.seen[0][1]["Authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    "info", [(200, {}, {}), (200, {}, []), (200, {}, b"<html>"), (404, {}, "no")]
)
def test_an_address_that_is_no_bilm_service_is_refused(peer, info):
    peer.info = info
    with pytest.raises(ServiceError, match=r"biLM service|answered a list"):
        EmbedClient(peer.url)


def test_an_address_where_nobody_listens_is_named():
    with socket.socket() as bound:  # taken, but not listening
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(ServiceError, match=f"{url}/info.*is the service running there"):
            EmbedClient(url)


def test_a_text_with_a_lone_surrogate_is_refused_before_it_is_sent(peer):
    with EmbedClient(peer.url) as client, pytest.raises(DataError, match="surrogates"):
        embedded(client, ["\ud800"])


def test_an_empty_list_asks_nothing(peer):
    with EmbedClient(peer.url) as client:
        assert embedded(client, []) == []
    assert peer.seen == []


@given(
    texts=st.lists(st.text(max_size=9)),
    max_texts=st.integers(1, 4),
    max_characters=st.integers(1, 9),
)
def test_batches_hold_every_text_once_in_order_and_keep_both_limits(
    texts, max_texts, max_characters
):
    found = list(batches(texts, max_texts, max_characters))
    assert [text for batch in found for text in batch] == texts
    for batch in found:
        assert 1 <= len(batch) <= max_texts
        assert len(batch) == 1 or sum(map(len, batch)) <= max_characters


def test_an_answer_out_of_order_is_put_in_order():
    first, second = decode([entry(1, 2.0), entry(0, 1.0)], 2)
    assert (first.item(), second.item()) == (1, 2)


@pytest.mark.parametrize(
    "data",
    [
        [],
        [entry(0, 1.0), entry(0, 1.0)],
        [{**entry(0, 1.0), "shape": [2]}],
        [{**entry(0, 1.0), "dtype": "complex"}],
        [{**entry(0, 1.0), "embedding": "???"}],
        [{**entry(0, 1.0), "embedding": None}],
    ],
)
def test_an_answer_that_is_not_one_array_for_each_text_is_refused(data):
    with pytest.raises(ServiceError, match="the service sent"):
        decode(data, 1)
