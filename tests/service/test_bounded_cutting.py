"""A text that is too long is hardly cut: its cost depends on the limit, not on its length."""

import json
import threading
from dataclasses import replace

import pytest

import service.paths.tokenize
from biLM import seams
from biLM.tokenizer import Tokenizer
from service.body import most_pieces
from service.paths.tokenize import TOKENIZE
from tests.service.serving import error_of, serving, settings_of

pytestmark = pytest.mark.anyio

LIGATURE = "\ufdfa"  # 33 bytes after normalisation
LIMIT = 50
LIGATURE_PIECES = 33  # the bytes of its 18 letters and spaces
LONG = {
    "a ligature": LIGATURE * 5_000,
    "prose": "今天吃了苹果，" * 5_000,
    "marks": "\u0301" * 10_000,
}
REQUESTS = {
    "embed": ("/embed", lambda text: {"texts": [text]}),
    "embed chars": ("/embed", lambda text: {"texts": ["我", text], "level": "text"}),
    "embed spans": ("/embed", lambda text: {"texts": [text], "level": "span", "spans": [[[0, 1]]]}),
    "embed words": ("/embed", lambda text: {"words": [["我", text]]}),
    "tokenize": ("/tokenize", lambda text: {"texts": text}),
    "openai": ("/v1/embeddings", lambda text: {"input": text}),
    "similarity": ("/similarity", lambda text: {"texts": "我" + text, "word": "我"}),
    "fill": ("/fill", lambda text: {"text": text + "__"}),
    "fill phrases": ("/fill", lambda text: {"text": "__" + text, "num_pieces": 2}),
    "complete": ("/complete", lambda text: {"text": text}),
    "inspect": ("/inspect", lambda text: {"text": text}),
}


@pytest.fixture
async def limited(artifact_folder):
    settings = settings_of(artifact_folder, max_text_pieces=LIMIT, inspect=True)
    async with serving(settings) as client:
        yield client


@pytest.fixture
def cut(monkeypatch):
    """How many code points each call of sentencepiece was given."""
    lengths, call = [], Tokenizer._cut

    def recorded(tokenizer, text, place=0):
        lengths.append(len(text))
        return call(tokenizer, text, place)

    monkeypatch.setattr(Tokenizer, "_cut", recorded)
    return lengths


@pytest.mark.parametrize(("path", "body"), REQUESTS.values(), ids=REQUESTS)
async def test_a_text_beyond_the_limit_is_hardly_cut(limited, cut, path, body):
    error = error_of(await limited.post(path, json=body(LIGATURE * 5_000)), 422, "text_too_long")
    assert error["details"]["limit"] == LIMIT
    assert LIMIT < error["details"]["actual"] <= LIMIT + seams.PART_BYTES
    assert sum(cut) <= 2 * seams.PART_LENGTH


@pytest.mark.parametrize("lost", ["left", "right"])
@pytest.mark.parametrize("name", LONG)
async def test_a_text_that_is_truncated_is_hardly_cut(limited, cut, lost, name):
    answer = await limited.post("/embed", json={"texts": [LONG[name]], "truncate": lost})
    (entry,) = answer.json()["data"]
    # No part of a second ligature is kept.
    fitting = LIGATURE_PIECES if name == "a ligature" else LIMIT
    assert (entry["num_pieces"], entry["truncated"]) == (fitting, True)
    assert sum(cut) <= 2 * seams.PART_LENGTH


async def test_many_spans_are_refused_before_the_text_is_cut(limited, cut):
    body = {"texts": ["我吃"], "level": "span", "spans": [[[0, 1]] * 30_000]}
    error = error_of(await limited.post("/embed", json=body), 413, "too_many_pieces")
    assert "30000 spans" in error["message"]
    assert cut == []


async def test_many_occurrences_are_refused_before_the_texts_are_cut(limited, cut):
    body = {"texts": ["我" * 900_000], "word": "我"}
    error_of(await limited.post("/similarity", json=body), 413, "response_too_large")
    assert cut == []


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("我吃了一个苹果" * 20, 20 * 21),
        (LIGATURE * 100, 100 * 33),
        ("\\ufdfa" * 100, 100 * 39),
        ("a" * 100, 100),
    ],
)
def test_the_pieces_of_a_body_are_bounded_before_it_is_parsed(text, most, pieces_model):
    assert most_pieces(text.encode()) == most
    pieces = Tokenizer(pieces_model).encode(json.loads(f'"{text}"'))
    assert len(pieces) <= most


async def test_small_bodies_of_many_pieces_leave_the_event_loop_free(limited, monkeypatch):
    threads, plan = set(), TOKENIZE.plan

    def recorded(*arguments):
        threads.add(threading.current_thread().name.partition("_")[0])
        return plan(*arguments)

    monkeypatch.setattr(service.paths.tokenize, "TOKENIZE", replace(TOKENIZE, plan=recorded))
    await limited.post("/tokenize", json={"texts": "我吃了一个苹果"})
    assert threads == {"MainThread"}
    threads.clear()
    await limited.post("/tokenize", json={"texts": LIGATURE * 100})
    assert threads == {"tokenizing"}
