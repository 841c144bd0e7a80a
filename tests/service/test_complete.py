"""What /complete answers, against the encoder; tests/biLM holds that to the oracle."""

import asyncio
from dataclasses import asdict
from functools import partial

import anyio
import pytest

from biLM.questions.completions import Beam, Greedy, Sampling
from service.paths.complete import COMPLETIONS
from tests.service.serving import PATIENCE_S, embed, error_of, serving, settings_of, until

pytestmark = pytest.mark.anyio

ATE = "我吃了一个"  # five pieces
CASES = [
    ({}, Greedy()),
    ({"strategy": "greedy", "num_completions": 1}, Greedy()),
    ({"strategy": "sample"}, Sampling()),
    (
        {
            "strategy": "sample",
            "temperature": 2,
            "top_k": 9,
            "seed": 2**53 - 1,
            "num_completions": 16,
        },
        Sampling(2.0, 9, 2**53 - 1, 16),
    ),
    ({"strategy": "beam"}, Beam(4, 1)),
    ({"strategy": "beam", "num_beams": 16, "num_completions": 3}, Beam(16, 3)),
]


async def complete(client, **fields):
    answer = await client.post("/complete", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refused(client, status, code, **fields):
    return error_of(await client.post("/complete", json=fields), status, code)


@pytest.mark.parametrize(("fields", "strategy"), CASES)
@pytest.mark.parametrize("text", [ATE, ""])
async def test_completions_are_those_of_the_encoder(client, encoder, text, fields, strategy):
    answer = await complete(client, text=text, max_pieces=6, **fields)
    expected = encoder.complete(text, strategy, 6)
    assert answer["model"]["id"] == "tiny"
    assert answer["usage"] == {"pieces": 5 if text else 0, "characters": len(text)}
    assert [found.pop("index") for found in answer["data"]] == list(range(len(expected)))
    for found, one in zip(answer["data"], expected, strict=True):
        assert list(found) == list(asdict(one))
        # by as many threads as there are cores or by one: another order of sums
        assert found.pop("log_probability") == pytest.approx(one.log_probability, abs=1e-5)
        written = {name: value for name, value in asdict(one).items() if name in found}
        assert found == {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in written.items()
        }


async def test_twenty_pieces_unless_asked_for_others(client):
    (found,) = (await complete(client, text=ATE))["data"]
    assert len(found["ids"]) == 20 or found["finished"]


@pytest.mark.parametrize("example", COMPLETIONS.values(), ids=COMPLETIONS)
async def test_every_documented_example_is_answered(client, example):
    assert (await complete(client, **example["value"]))["data"]


async def test_an_answer_has_the_same_bits_alone_and_among_others(artifact_folder):
    asked = {"text": ATE, "strategy": "sample", "num_completions": 3, "max_pieces": 8}
    settings = settings_of(artifact_folder, threads=4, max_queue_s=PATIENCE_S)
    found = []

    async def ask():
        found.append((await client.post("/complete", json=asked)).content)

    async def ask_another(length):
        await complete(client, text="苹果" * length, strategy="beam", num_beams=length)

    async with serving(settings) as client:
        await ask()
        async with anyio.create_task_group() as together:
            for length in range(1, 9):
                together.start_soon(ask)
                together.start_soon(ask_another, length)
                together.start_soon(partial(embed, client, texts=["苹果" * length]))
    assert found == found[:1] * 9


@pytest.mark.parametrize(
    ("param", "fields"),
    [
        ("text", {"max_pieces": 3}),
        ("text", {"text": None}),
        ("text", {"text": ["a"]}),
        ("max_pieces", {"text": "a", "max_pieces": 0}),
        ("max_pieces", {"text": "a", "max_pieces": 257}),
        ("strategy", {"text": "a", "strategy": "topk"}),
        ("temperature", {"text": "a", "temperature": 1.0}),
        ("temperature", {"text": "a", "strategy": "sample", "temperature": 0}),
        ("temperature", {"text": "a", "strategy": "sample", "temperature": 10.1}),
        ("temperature", {"text": "a", "strategy": "beam", "temperature": 0.5}),
        ("top_k", {"text": "a", "strategy": "sample", "top_k": 0}),
        ("top_k", {"text": "a", "strategy": "sample", "top_k": 1001}),
        ("top_k", {"text": "a", "strategy": "beam", "top_k": 5}),
        ("seed", {"text": "a", "seed": 0}),
        ("seed", {"text": "a", "strategy": "sample", "seed": -1}),
        ("seed", {"text": "a", "strategy": "sample", "seed": 2**53}),
        ("num_beams", {"text": "a", "num_beams": 4}),
        ("num_beams", {"text": "a", "strategy": "sample", "num_beams": 4}),
        ("num_beams", {"text": "a", "strategy": "beam", "num_beams": 17}),
        ("num_completions", {"text": "a", "num_completions": 2}),
        ("num_completions", {"text": "a", "strategy": "sample", "num_completions": 17}),
        ("num_completions", {"text": "a", "strategy": "beam", "num_completions": 5}),
        ("length_penalty", {"text": "a", "length_penalty": 1}),
    ],
)
async def test_a_wrong_field_or_one_without_use_is_refused_by_name(client, param, fields):
    error = await refused(client, 422, "validation_error", **fields)
    assert error["param"] == param
    assert param in error["message"]


async def test_a_field_without_use_is_refused_with_what_it_is_for(client):
    error = await refused(client, 422, "validation_error", text="a", temperature=0.5)
    assert error["message"] == (
        "temperature: the strategy greedy does not use it; leave it out, or send the strategy"
        " sample"
    )


@pytest.mark.parametrize(
    ("fields", "actual"),
    [
        ({"text": ATE, "max_pieces": 16}, 21),
        ({"text": ATE, "max_pieces": 4, "strategy": "beam"}, 21),
        ({"text": ATE, "max_pieces": 2, "strategy": "sample", "num_completions": 8}, 21),
        ({"text": ATE * 4, "max_pieces": 1}, 21),
    ],
)
async def test_what_reads_more_pieces_than_allowed_is_refused_with_the_numbers(
    artifact_folder, fields, actual
):
    async with serving(settings_of(artifact_folder, max_stepped_pieces=20)) as client:
        error = await refused(client, 422, "text_too_long", **fields)
        assert error["param"] == "text"
        assert error["details"] == {
            "index": None,
            "place": None,
            "limit": 20,
            "actual": actual,
            "setting": "max_stepped_pieces",
        }
        assert ATE not in error["message"]
        await complete(client, text=ATE, max_pieces=15)


async def test_too_long_a_text_is_refused_with_the_numbers(artifact_folder):
    limits = {"max_text_pieces": 4, "max_request_pieces": 4}
    async with serving(settings_of(artifact_folder, **limits)) as client:
        error = await refused(client, 422, "text_too_long", text=ATE)
    details = {"index": None, "place": None, "limit": 4, "actual": 5, "setting": "max_text_pieces"}
    assert error["details"] == details


# Turns, with an engine that lets a search take one step at a time.


@pytest.fixture
def serving_held(artifact_folder, load_held):
    """A client of an app whose engine waits behind the gate."""
    return lambda **changes: serving(settings_of(artifact_folder, **changes), load_held)


def begun(client, path, **fields):
    return asyncio.create_task(client.post(path, json=fields))


async def test_a_text_does_not_wait_for_the_end_of_a_search(serving_held, gate, cut):
    async with serving_held() as client:
        search = begun(client, "/complete", text=ATE, max_pieces=9)
        await gate.wait_until_entered()
        text = begun(client, "/embed", texts="苹果")
        await until(lambda: client.runtime.batcher.waiting_pieces)
        gate.is_open.set()
        assert {(await one).status_code for one in (search, text)} == {200}
    assert tuple(cut("苹果")) in gate.batches[1]
    assert len(gate.batches) > 6  # the search needs a turn for each step, five of them to read


async def test_a_search_nobody_waits_for_has_no_further_turn(serving_held, gate, cut):
    async with serving_held() as client:
        search = begun(client, "/complete", text=ATE, max_pieces=9)
        await gate.wait_until_entered()
        search.cancel()
        await asyncio.gather(search, return_exceptions=True)
        gate.is_open.set()
        await embed(client, texts="苹果")
    assert gate.batches == [[tuple(cut(ATE))], [tuple(cut("苹果"))]]


async def test_a_search_is_stopped_by_the_deadline_between_two_turns(serving_held, gate):
    async with serving_held(deadline_s=0.2) as client:
        search = begun(client, "/complete", text=ATE, max_pieces=9)
        await gate.wait_until_entered()
        error_of(await search, 504, "deadline_exceeded")
        gate.is_open.set()
        await client.runtime.batcher.close()
    assert len(gate.batches) == 1


async def test_a_search_that_fails_fails_alone(serving_held, gate, cut):
    def fault(questions):
        if any(question.ids == tuple(cut(ATE)) for question in questions):
            raise RuntimeError("broken")

    gate.faults.append(fault)
    gate.is_open.set()
    async with serving_held() as client:
        answers = await asyncio.gather(
            begun(client, "/complete", text=ATE), begun(client, "/embed", texts="苹果")
        )
    error_of(answers[0], 500, "internal")
    assert answers[1].status_code == 200


async def test_what_a_search_costs_counts_in_the_queue(serving_held, gate):
    # by the held engine: 5 pieces, 2 boundaries and 9 steps, 50 ms each
    cost_s = (5 + 2 + 9) * 0.05
    async with serving_held(max_queue_s=cost_s) as client:
        first = begun(client, "/embed", texts="苹果")
        await gate.wait_until_entered()
        search = begun(client, "/complete", text=ATE, max_pieces=9)
        await until(lambda: client.runtime.batcher.waiting_s)
        assert client.runtime.batcher.waiting_s == pytest.approx(cost_s)
        await refused(client, 429, "overloaded", text=ATE, max_pieces=1)
        gate.is_open.set()
        assert {(await one).status_code for one in (first, search)} == {200}
