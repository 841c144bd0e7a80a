"""Test both clients with the real service and with a peer whose responses a test defines."""

import asyncio
import json
import re
import socket
import threading
import time
from functools import partial

import httpx
import numpy as np
import pytest
import sentencepiece
from bilm_client import (
    AsyncClient,
    Client,
    ForeignAnswerError,
    InputError,
    NoServiceError,
    OverloadedError,
    RefusedError,
    UnauthorizedError,
    UnavailableError,
)
from safetensors.numpy import save

from tests.live import PATIENCE_S
from tests.reference.geometry import centred
from tests.reference.lstm import gates, representations

TEXTS = ["我吃了一个苹果", "我在用苹果手机", "没有", "苹果和苹果"]


def ask(url, method, *arguments, waits=None, settings=None, **options):
    """Return the result of a call from the client without an event loop."""
    with Client(url, wait=[].append if waits is None else waits.append, **settings or {}) as client:
        return getattr(client, method)(*arguments, **options)


def ask_async(url, method, *arguments, waits=None, settings=None, **options):
    """Return the result of the same call from the client with an event loop."""

    async def wait(seconds):
        if waits is not None:
            waits.append(seconds)

    async def call():
        async with AsyncClient(url, wait=wait, **settings or {}) as client:
            return await getattr(client, method)(*arguments, **options)

    return asyncio.run(call())


@pytest.fixture(params=[ask, ask_async], ids=["sync", "async"])
def call(request):
    return request.param


@pytest.fixture
def real(call, service_url):
    return partial(call, service_url)


@pytest.fixture(scope="module")
def cut(pieces_model):
    return sentencepiece.SentencePieceProcessor(model_proto=pieces_model)


# The real service.


def test_vectors_equal_the_equations(real, artifact, cut):
    found = real("embed", TEXTS, layers="all", center=True)
    for text, embedding in zip(TEXTS, found, strict=True):
        ids = [artifact.config.bos_id, *cut.encode(text), artifact.config.eos_id]
        layers = representations(artifact.model.state_dict(), ids)[:, 1:-1]
        # float32 arithmetic of the service against float64 of the oracle
        np.testing.assert_allclose(
            embedding.vectors, centred(artifact.geometry, layers), rtol=0, atol=1e-5
        )


def test_pieces_ids_and_offsets_are_the_vocabularys(real, cut):
    for text, embedding in zip(TEXTS, real("embed", TEXTS), strict=True):
        expected = cut.encode(text, return_type="offset_mapping")
        assert embedding.ids.tolist() == expected["ids"]
        assert list(map(tuple, embedding.offsets)) == list(map(tuple, expected["offsets"]))
        assert embedding.pieces == tuple(map(cut.id_to_piece, expected["ids"]))
        assert not embedding.truncated


def test_other_levels_have_their_rows(real):
    (text,) = real("embed", "我吃了一个苹果", level="text")
    (spans,) = real("embed", "我吃了一个苹果", spans=[[(5, 7), (0, 1)]])
    (chars,) = real("embed", "我吃了一个苹果", level="char", dtype="float16")
    assert (len(text.vectors), len(spans.vectors), len(chars.vectors)) == (1, 2, 7)
    assert spans.offsets.tolist() == [[5, 7], [0, 1]]
    assert chars.vectors.dtype == np.float16
    assert (text.pieces, text.ids) == (None, None)


def test_rows_without_pieces_are_numbered(real):
    found = real("embed", ["我\u200b吃", "我吃", "\ufeff"], level="char")
    assert [one.empty_rows.tolist() for one in found] == [[1], [], [0]]
    assert not found[0].vectors[found[0].empty_rows].any()
    (words,) = real("embed", words=[["我", "", "苹果"]], layers="all")
    assert words.empty_rows.tolist() == [1]
    assert words.vectors.any(-1).tolist() == [[True, False, True]] * 3
    (nothing,) = real("embed", "", level="text")
    assert nothing.empty_rows.tolist() == [0]


def test_words_and_ids_are_texts_too(real, cut):
    (words,) = real("embed", words=[["我", "吃了", "苹果"]])
    assert words.offsets.tolist() == [[0, 1], [1, 3], [3, 5]]
    ids = cut.encode(TEXTS[0])
    (by_ids,) = real("embed", ids=[np.array(ids)])
    (by_text,) = real("embed", TEXTS[0])
    np.testing.assert_array_equal(by_ids.vectors, by_text.vectors)
    assert by_ids.offsets is None
    assert by_ids.pieces is None


def test_more_texts_than_a_request_takes_come_in_order(real):
    texts = ["苹果" * (number % 7 + 1) for number in range(600)]
    together = real("embed", texts, level="text")
    alone = {text: real("embed", text, level="text")[0].vectors for text in texts[:7]}
    for text, embedding in zip(texts, together, strict=True):
        np.testing.assert_allclose(embedding.vectors, alone[text], rtol=0, atol=1e-6)


def test_a_word_is_found_wherever_it_stands(real):
    found = real("word_vectors", TEXTS, "苹果", layers=["context", 2])
    places = [(one.text, one.begin, one.end) for one in found.occurrences]
    assert places == [(0, 5, 7), (1, 3, 5), (3, 0, 2), (3, 3, 5)]
    spans = real(
        "embed", TEXTS, spans=[[(5, 7)], [(3, 5)], [], [(0, 2), (3, 5)]], layers=["context", 2]
    )
    expected = np.concatenate([embedding.vectors for embedding in spans], axis=1)
    np.testing.assert_allclose(found.vectors, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("word", "why"), [("梨", "'梨' occurs in none of the 4"), ("", "empty")])
def test_a_word_that_stands_nowhere_is_an_error(real, word, why):
    with pytest.raises(ValueError, match=why):
        real("word_vectors", TEXTS, word)


def test_a_word_is_found_in_one_string_and_in_whatever_can_be_iterated(real):
    one = real("word_vectors", TEXTS[3], "苹果")
    assert [(at.text, at.begin) for at in one.occurrences] == [(0, 0), (0, 3)]
    many = real("word_vectors", iter(TEXTS), "苹果")
    assert len(many.vectors) == 4


def test_a_refusal_about_a_word_counts_the_texts_without_it_too(real):
    with pytest.raises(RefusedError, match=": text 1 has at least"):
        real("word_vectors", ["没有", "苹果" + "病" * 9000], "苹果")


def test_similarity_is_the_cosine_of_the_word_vectors(real):
    found = real("similarity", "苹果", TEXTS, center=False)
    layers = real("word_vectors", TEXTS, "苹果", layers="all").vectors
    unit = layers / np.linalg.norm(layers, axis=-1, keepdims=True)
    np.testing.assert_allclose(found.layers, unit @ unit.transpose(0, 2, 1), rtol=0, atol=1e-5)
    assert found.context.shape == found.mix.shape == (4, 4)
    assert [one.text for one in found.occurrences] == [0, 1, 3, 3]


def test_guesses_are_what_the_service_says(real, service_url):
    raw = httpx.post(f"{service_url}/fill", json={"text": "我__苹果", "top_k": 3}).json()
    found = real("fill", "我__苹果", top_k=3)
    for side in ("forward", "backward", "cloze"):
        assert [(g.piece, g.id, g.probability) for g in found[side]] == [
            (g["piece"], g["id"], g["probability"]) for g in raw[side]
        ]


def test_phrases_are_what_the_service_says(real, service_url):
    body = {"text": "我__苹果", "top_k": 3, "num_pieces": 2}
    raw = httpx.post(f"{service_url}/fill", json=body).json()
    found = real("fill", "我__苹果", top_k=3, num_pieces=2)
    for side in ("forward", "backward", "cloze"):
        assert [(list(p.pieces), list(p.ids), p.text, p.log_probability) for p in found[side]] == [
            (p["pieces"], p["ids"], p["text"], p["log_probability"]) for p in raw[side]
        ]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"strategy": "sample", "temperature": 0.5, "top_k": 5, "seed": 3, "num_completions": 2},
        {"strategy": "beam", "num_beams": 3, "num_completions": 2, "max_pieces": 4},
    ],
)
def test_completions_are_what_the_service_says(real, service_url, options):
    raw = httpx.post(f"{service_url}/complete", json={"text": "我吃了", **options}).json()
    found = real("complete", "我吃了", **options)
    for completion, entry in zip(found, raw["data"], strict=True):
        shown = {name: getattr(completion, name) for name in entry if name != "index"}
        shown |= {name: list(shown[name]) for name in ("pieces", "ids")}
        assert {**shown, "index": entry["index"]} == entry


def test_a_field_without_use_is_refused_by_the_service(real):
    with pytest.raises(RefusedError, match="the strategy greedy does not use it"):
        real("complete", "我吃了", seed=1)


@pytest.mark.parametrize(("layer", "direction"), [(1, "backward"), (2, "forward")])
def test_gates_and_cells_equal_the_equations(call, inspecting_url, artifact, cut, layer, direction):
    found = call(inspecting_url, "inspect", TEXTS[0], layer=layer, direction=direction)
    ids = cut.encode(TEXTS[0])
    weights = {n: t.double().numpy() for n, t in artifact.model.state_dict().items()}
    framed = [artifact.config.bos_id, *ids, artifact.config.eos_id]
    turn = slice(None, None, 1 if direction == "forward" else -1)
    x = weights["embedding.weight"][framed[turn]]
    expected = gates(x, weights, f"{direction}_lm", layer)[:, turn][:, 1:-1]
    names = ("input_gate", "forget_gate", "candidate", "output_gate", "cell_state", "state")
    for name, numbers in zip(names, expected, strict=True):
        np.testing.assert_allclose(getattr(found, name), numbers, rtol=0, atol=1e-5)
    assert found.ids == tuple(ids)
    assert found.pieces == tuple(map(cut.id_to_piece, ids))
    assert found.offsets[-1] == (5, 7)


def test_where_inspection_is_off_the_service_says_how_to_turn_it_on(real):
    with pytest.raises(RefusedError, match="BILM_INSPECT=1") as caught:
        real("inspect", TEXTS[0])
    assert (caught.value.status, caught.value.code) == (404, "not_found")


def test_an_answer_without_its_gates_is_told(peer, call):
    peer.answer = lambda _: (200, {}, {"shape": [0, 4], "pieces": [], "ids": [], "offsets": []})
    with pytest.raises(ForeignAnswerError, match="cannot be read"):
        call(peer.url, "inspect", "我")


def test_texts_are_cut_as_they_are_embedded(real):
    texts = TEXTS * 100
    for pieces, embedding in zip(real("tokenize", texts), real("embed", texts), strict=True):
        assert pieces.ids == tuple(embedding.ids)
        assert pieces.pieces == embedding.pieces
        assert pieces.offsets == tuple(map(tuple, embedding.offsets))


def test_a_long_text_is_cut_off_as_the_refusal_of_tokenize_advises(real):
    long = "病毒" * 5000
    with pytest.raises(RefusedError, match='"truncate": "right"'):
        real("tokenize", long)
    (pieces,) = real("tokenize", long, truncate="right")
    (embedding,) = real("embed", long, truncate="right", layers=[0])
    assert pieces.truncated
    assert pieces.ids == tuple(embedding.ids)


def test_info_is_what_the_service_says(real, service_url):
    assert real("info") == httpx.get(f"{service_url}/info").json()


def test_a_refusal_counts_the_text_among_all(real):
    texts = [*["苹果"] * 300, "病毒" * 5000, "苹果"]
    with pytest.raises(RefusedError, match=r": text 300 has at least [^(]*$") as caught:
        real("embed", texts)
    assert (caught.value.status, caught.value.code) == (422, "text_too_long")
    assert (caught.value.text, caught.value.param) == (300, "texts")
    assert caught.value.request_id


def test_a_refusal_of_a_comparison_counts_the_text_too(real):
    with pytest.raises(RefusedError, match=": text 1 has at least") as caught:
        real("similarity", "苹果", ["苹果", "苹果" + "病毒" * 5000])
    assert (caught.value.code, caught.value.text) == ("text_too_long", 1)


@pytest.mark.parametrize("given", [{}, {"words": [["我"]], "ids": [[3]]}])
def test_texts_are_given_in_one_way(real, given):
    with pytest.raises(ValueError, match="give exactly one of texts, words and ids"):
        real("embed", **given)


def test_spans_are_given_for_each_text(real):
    with pytest.raises(ValueError, match="there are spans for 1 of 2 texts"):
        real("embed", ["我", "你"], spans=[[(0, 1)]])


# A peer.


def lengths(body, revision="sha256:1"):
    """Return a response in which the vector of each text is its length."""
    texts = body["texts"]
    tensors = {
        "embedding": np.array([[len(text)] for text in texts], "<f4").reshape(-1, 1),
        "row_splits": np.arange(len(texts) + 1, dtype="<i8"),
    }
    rest = {"model": {"revision": revision}, "data": [{"truncated": False} for _ in texts]}
    return 200, {}, save(tensors, {name: json.dumps(value) for name, value in rest.items()})


def refusal(status, code, **headers):
    body = {"error": {"code": code, "message": "the queue is full"}}
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, body


@pytest.fixture
def lengths_of(call, peer):
    """Return the lengths of the texts by requests to the peer."""

    def found(texts, **more):
        return [embedding.vectors.item() for embedding in call(peer.url, "embed", texts, **more)]

    peer.answer = lengths
    return found


def test_order_is_kept_when_the_first_answer_comes_last(peer, lengths_of):
    later_has_come = threading.Event()

    def answer(body):
        if "a" in body["texts"]:
            assert later_has_come.wait(PATIENCE_S), "one request at a time"
        else:
            later_has_come.set()
        return lengths(body)

    peer.answer = answer
    assert lengths_of(["a" * length for length in range(1, 60)]) == list(range(1, 60))
    # max_texts of this peer is 3
    assert sorted(len(body["texts"]) for _, _, body in peer.seen) == [2] + [3] * 19


@pytest.mark.parametrize(
    ("answers", "waited"),
    [
        ([refusal(429, "overloaded", Retry_After=7)], [(7, 8.75)]),
        ([refusal(503, "draining"), refusal(503, "starting", Retry_After=2)], [(0.25, 1), (2, 3)]),
        ([refusal(408, "request_timeout"), (502, {}, b"<html>")], [(0.25, 0.5), (0.5, 1)]),
        ([refusal(504, "deadline_exceeded"), (504, {}, b"")], [(0.25, 0.5), (0.5, 1)]),
    ],
)
def test_what_may_pass_is_asked_again(peer, lengths_of, answers, waited):
    answers, waits = iter(answers), []
    peer.answer = lambda body: next(answers, None) or lengths(body)
    assert lengths_of(["ab"], waits=waits) == [2]
    assert len(waits) == len(waited)
    for wait_s, (least, most) in zip(waits, waited, strict=True):
        assert least <= wait_s <= most


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, "overloaded", OverloadedError),
        (503, "draining", UnavailableError),
        (504, "deadline_exceeded", UnavailableError),
    ],
)
def test_waiting_ends_at_its_bound_with_the_services_words(peer, lengths_of, status, code, kind):
    peer.answer = lambda _: refusal(status, code, Retry_After=50)
    waits = []
    with pytest.raises(kind, match=f"{status} {code}: the queue is full"):
        lengths_of(["ab"], waits=waits, settings={"max_wait_s": 120})
    assert len(waits) == 2
    assert 100 <= sum(waits) <= 120


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, UnauthorizedError), (422, RefusedError), (500, RefusedError)],
)
def test_what_waiting_cannot_mend_is_not_asked_again(peer, lengths_of, status, kind):
    peer.answer = lambda _: refusal(status, "some_code", Retry_After=1)
    with pytest.raises(kind) as caught:
        lengths_of(["ab"])
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.code) == (status, "some_code")
    assert len(peer.seen) == 1


@pytest.mark.parametrize(
    "refused",
    [refusal(413, "too_many_pieces"), refusal(504, "deadline_exceeded"), (504, {}, b"<html>")],
)
def test_a_request_that_is_too_large_or_too_slow_is_halved(peer, lengths_of, refused):
    def answer(body):
        return lengths(body) if len(body["texts"]) == 1 else refused

    peer.answer = answer
    assert lengths_of(["a", "ab", "abc"]) == [1, 2, 3]


def test_one_text_that_is_too_large_is_refused(peer, lengths_of):
    peer.answer = lambda _: refusal(413, "response_too_large")
    with pytest.raises(RefusedError, match="response_too_large"):
        lengths_of(["a"])


def test_after_a_refusal_the_rest_is_not_asked(peer):
    peer.answer = lambda _: refusal(422, "unknown_layer")
    with Client(peer.url) as client:
        with pytest.raises(RefusedError):
            client.embed(["a"] * 3000)
        client.info()  # would come after the rest
    assert len(peer.seen) < 500  # of a thousand


def test_after_a_refusal_the_rest_is_not_asked_by_tasks(peer):
    peer.answer = lambda _: refusal(422, "unknown_layer")

    async def call():
        async with AsyncClient(peer.url) as client:
            with pytest.raises(RefusedError):
                await client.embed(["a"] * 3000)
            await client.info()

    asyncio.run(call())
    assert len(peer.seen) < 500


def test_after_a_refusal_nobody_waits_for_another_try(peer):
    another_waits = threading.Event()

    def answer(body):
        if "bad" in body["texts"]:
            assert another_waits.wait(PATIENCE_S), "one request at a time"
            return refusal(422, "text_too_long")
        another_waits.set()
        return refusal(429, "overloaded", Retry_After=int(PATIENCE_S))

    peer.answer = answer
    begin = time.monotonic()
    refused = pytest.raises(RefusedError, match="text_too_long")
    with refused, Client(peer.url, max_wait_s=10 * PATIENCE_S) as client:
        client.embed(["good", "good", "good", "bad"])
    assert time.monotonic() - begin < PATIENCE_S / 2


def test_a_model_that_changes_between_two_answers_is_noticed(peer, lengths_of):
    peer.answer = lambda body: lengths(body, revision=f"sha256:{body['texts'][0]}")
    with pytest.raises(ForeignAnswerError, match="changed its model"):
        lengths_of(["a", "a", "a", "b"])


@pytest.mark.parametrize("body", [b"", b"no tensors at all", {"data": []}])
def test_an_answer_that_cannot_be_read_is_told(peer, lengths_of, body):
    peer.answer = lambda _: (200, {}, body)
    with pytest.raises(ForeignAnswerError, match="cannot be read"):
        lengths_of(["a"])


def test_a_model_that_changes_between_two_halves_is_noticed(peer, lengths_of):
    def answer(body):
        if len(body["texts"]) > 1:
            return refusal(413, "too_many_pieces")
        return lengths(body, revision=body["texts"][0])

    peer.answer = answer
    with pytest.raises(ForeignAnswerError, match="changed its model"):
        lengths_of(["a", "b"])


def test_a_wait_of_no_seconds_ends_too(peer, lengths_of):
    peer.answer = lambda _: refusal(429, "overloaded", Retry_After=0)
    with pytest.raises(OverloadedError):
        lengths_of(["a"], settings={"max_wait_s": 1})
    assert len(peer.seen) <= 11


def test_a_proxy_that_gives_no_reason_is_unavailable(peer, lengths_of):
    peer.answer = lambda _: (503, {}, b"<html>")
    with pytest.raises(UnavailableError, match="503 unknown"):
        lengths_of(["a"], settings={"max_wait_s": 2})


def test_an_answer_for_fewer_texts_is_told(peer, lengths_of):
    peer.answer = lambda _: lengths({"texts": ["a"]})
    with pytest.raises(ForeignAnswerError, match="has 1 answers for 2 texts"):
        lengths_of(["a", "b"])


@pytest.mark.parametrize(
    "info", [(200, {}, {}), (200, {}, []), (200, {}, b"<html>"), (404, {}, {"detail": "no"})]
)
def test_an_address_that_is_no_bilm_service_is_told(peer, lengths_of, info):
    peer.info = info
    with pytest.raises(ForeignAnswerError, match="is it a biLM service"):
        lengths_of(["a"])


def test_an_address_where_nobody_listens_is_named(call):
    with socket.socket() as bound:  # taken, but not listening
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(NoServiceError, match=re.escape(f"GET {url}/info")):
            call(url, "info")


def test_a_connection_that_was_dropped_is_opened_again(peer, lengths_of):
    is_first = iter([True])

    def answer(body):
        if next(is_first, False):
            raise ConnectionAbortedError  # the peer hangs up without an answer
        return lengths(body)

    peer.answer = answer
    assert lengths_of(["a"]) == [1]
    assert len(peer.seen) == 2


def test_a_service_that_goes_away_half_way_is_named(peer, lengths_of):
    def answer(body):
        if len(peer.seen) > 2:
            raise ConnectionAbortedError  # from now on nobody gets an answer
        return lengths(body)

    peer.answer = answer
    with pytest.raises(NoServiceError, match=rf"POST {re.escape(peer.url)}/embed: .*; is the ser"):
        lengths_of(["a"] * 60)


def test_an_api_key_travels_as_bearer_token(peer, lengths_of):
    lengths_of(["a"], settings={"api_key": "secret"})
    assert peer.seen[0][1]["Authorization"] == "Bearer secret"


def test_half_a_surrogate_pair_is_refused_before_it_is_sent(peer, lengths_of):
    with pytest.raises(ValueError, match="surrogates"):
        lengths_of(["\ud800"])
    assert peer.seen == []


def test_an_empty_list_asks_for_no_vectors(peer, lengths_of):
    assert lengths_of([]) == []
    assert peer.seen == []


def test_a_bar_counts_the_texts(peer, lengths_of, capsys):
    lengths_of(["a"] * 9, progress=True)
    assert "9/9" in capsys.readouterr().err


NO_NUMBERS = ["60", None, True, b"1", 1j, [1]]
NO_TIMES = [*NO_NUMBERS, float("nan"), float("inf"), -1, -0.5, 1e10, 10**400, np.float32("nan")]


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("in_flight", [*NO_NUMBERS, 0, -1, -(10**400), 2.5, 2.0, float("nan")]),
        ("timeout_s", [*NO_TIMES, 0, 0.0]),
        ("max_wait_s", [value for value in NO_TIMES if value is not None]),
    ],
)
def test_numbers_out_of_range_are_refused_when_a_client_is_made(kind, name, refused):
    for value in refused:
        with pytest.raises(InputError, match=f"{name} is .*; it must be"):
            kind("http://127.0.0.1:1", **{name: value})


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("in_flight", [1, np.int64(3)]),
        ("timeout_s", [1, 0.5, np.float32(2), np.int64(3)]),
        ("max_wait_s", [None, 0, 0.0, 7, np.float64(2)]),
    ],
)
def test_numbers_of_any_library_are_taken(call, peer, name, values):
    for value in values:
        assert call(peer.url, "info", settings={name: value})["model"]["id"] == "peer"
