"""The proof of shapes beside requests: it takes turns with them and counts as none of them."""

import asyncio
import logging
from functools import partial

import numpy as np
import pytest

from biLM.encoder import Encoder
from biLM.questions.question import Underway
from biLM.reading.batch import FEW_HEIGHTS
from biLM.reading.layer import ReadingLayer
from service.engine import Engine
from service.prices import Prices
from service.speed import ShapesProof
from tests.reference.instruction_sets import AGREEING_HEIGHTS
from tests.service.serving import (
    PRICES,
    HeldEngine,
    embed,
    serving,
    settings_of,
    until,
    vectors_of,
)
from tests.service.test_metrics import samples

pytestmark = pytest.mark.anyio

ATE = "我吃了一个苹果"
USED = "我在用苹果手机"
TURN = [()]  # what a batch at the gate is when the proof has its turn


@pytest.fixture
def load_unproved(artifact, gate):
    """What loads the tiny model, nothing proved, behind the gate."""

    def load():
        encoder = Encoder(artifact, both_at_once=False)
        return HeldEngine(
            encoder,
            self_test_deviation=0.0,
            num_threads=1,
            batch_pieces=4096,
            prices=Prices(PRICES),
            turn_s=0.0,
            proof=Underway(ShapesProof(encoder, 512)),
            similar_words={},
            gate=gate,
        )

    return load


@pytest.fixture
def serving_proving(artifact_folder, load_unproved):
    """A client of an app that has just loaded: the first turn of its proof comes to the gate."""
    return lambda **changes: serving(settings_of(artifact_folder, **changes), load_unproved)


def post(client, **fields):
    return asyncio.create_task(client.post("/embed", json=fields))


async def until_waiting(client, texts):
    """Let the loop run until so many texts of 8 padded pieces wait."""
    await until(lambda: client.runtime.batcher.waiting_pieces >= 8 * texts)


async def until_idle(client):
    """Let the loop run until the one thread has nothing to do."""
    await until(lambda: client.runtime.batcher._num_idle)


async def until_proved(client):
    await client.runtime.batcher._proof.done


async def info(client):
    return (await client.get("/info")).json()


async def test_a_process_is_ready_before_its_shapes_are_proved(serving_proving, gate):
    async with serving_proving() as client:
        await gate.wait_until_entered()
        assert (await client.get("/readyz")).status_code == 200
        before = await info(client)
        gate.is_open.set()
        await until_proved(client)
        after = await info(client)
    assert (before["bit_identical_heights"], before["proof_ended"]) == ([16], False)
    assert set(after["bit_identical_heights"]) >= set(FEW_HEIGHTS) & set(AGREEING_HEIGHTS)
    assert after["proof_ended"]


async def test_requests_and_the_proof_take_turns(serving_proving, gate, cut):
    async with serving_proving(max_batch_pieces=64) as client:
        await gate.wait_until_entered()
        asked = post(client, texts=[ATE] * 24)  # three batches
        await until_waiting(client, 24)
        gate.is_open.set()
        assert (await asked).status_code == 200
        await until_proved(client)
    texts = [tuple(cut(ATE))] * 8
    assert [batch for batch in gate.batches if batch != TURN] == [texts] * 3
    assert gate.batches[-1] == TURN


async def test_the_proof_counts_as_no_request(serving_proving, gate):
    async with serving_proving(max_queue_s=0.001) as client:
        batcher, waiting = client.runtime.batcher, []
        gate.faults.append(lambda questions: waiting.append(batcher.waiting_pieces))
        await gate.wait_until_entered()
        first = post(client, texts=[ATE] * 3)  # more than the queue holds, but it is empty
        await until_waiting(client, 3)
        gate.is_open.set()
        assert (await first).status_code == 200
        await until_proved(client)
        assert gate.batches[0] == TURN != gate.batches[1]
        assert waiting[1] == 0  # while the proof waits for another turn
        found = await samples(client)
    assert found["bilm_queue_padded_pieces",] == 0
    assert found["bilm_queue_wait_seconds_count",] == 3
    assert found["bilm_batch_padded_pieces_count",] == 1
    assert found["bilm_requests_total", "/embed", "200"] == 1


async def test_the_speed_is_that_after_the_proof(serving_proving, gate):
    gate.is_open.set()
    async with serving_proving() as client:
        loaded = await client.runtime.batcher.started
        before = loaded.prices.of("8 rows")
        await until_proved(client)
        engine = client.runtime.batcher.engine
        assert engine.prices.of("8 rows") != before
        assert engine.pieces_per_s == 1 / engine.prices.of("8 rows")
        assert (await info(client))["pieces_per_s"] == round(engine.pieces_per_s)


async def test_a_process_that_drains_proves_no_further_shape(serving_proving, gate, cut):
    async with serving_proving() as client:
        await gate.wait_until_entered()
        accepted = post(client, texts=ATE)
        await until_waiting(client, 1)
        client.runtime.drain()
        gate.is_open.set()
        assert (await accepted).status_code == 200
        await until_idle(client)
        threads = client.runtime.batcher._threads
    assert not any(thread.is_alive() for thread in threads)
    assert gate.batches == [TURN, [tuple(cut(ATE))]]


async def test_a_process_that_drains_while_it_loads_proves_nothing(
    artifact_folder, load_unproved, gate
):
    def load_slowly():
        gate.pass_through([])
        return load_unproved()

    settings = settings_of(artifact_folder)
    async with serving(settings, load_slowly, until_ready=False) as client:
        await gate.wait_until_entered()
        client.runtime.drain()
        gate.is_open.set()
        await client.runtime.batcher.started
        await until_idle(client)
        threads = client.runtime.batcher._threads
    assert not any(thread.is_alive() for thread in threads)
    assert gate.batches == [[]]


async def test_a_proof_that_fails_is_logged_and_texts_are_read_on(serving_proving, gate, caplog):
    def fail_in_the_tenth_turn(questions):
        if gate.batches[-1] == TURN and len(gate.batches) == 10:
            raise RuntimeError("a fault of the kernel")

    gate.faults.append(fail_in_the_tenth_turn)
    async with serving_proving() as client:
        gate.is_open.set()
        with pytest.raises(Exception, match="the model failed"):
            await until_proved(client)
        assert (await info(client))["proof_ended"]
        assert (await info(client))["pieces_per_s"] == 1000
        await embed(client, texts=ATE)
    (line,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert line.getMessage() == "the proof of shapes failed"


async def test_a_damaged_shape_is_never_used_by_the_service(artifact_folder, monkeypatch, cut):
    call, met = ReadingLayer.__call__, set()

    def spoilt(layer, x, state):
        output, state = call(layer, x, state)
        met.add((x.shape[1], x.shape[0]))
        if x.shape[1] == 8:  # in every shape of eight rows
            output = output.clone()
            output[-1, 5, 3] += 1e-7
        return output, state

    monkeypatch.setattr(ReadingLayer, "__call__", spoilt)
    monkeypatch.setattr("biLM.proof.CLEARLY", 99.0)  # powers of two only
    settings = settings_of(artifact_folder)
    async with serving(settings, partial(Engine.load, settings)) as client:
        await until_proved(client)
        used = set((await info(client))["bit_identical_heights"])
        assert used == {1, 2, 4, 16, 32, 64, 128} & set(AGREEING_HEIGHTS)
        met.clear()
        once = cut(ATE)
        # Eight texts of one length; a text that comes twice would be read once.
        turned = [way[n:] + way[:n] for way in (once, once[::-1]) for n in range(4)]
        entries = (await embed(client, ids=turned))["data"]
        assert {height for height, _ in met} == {16}
        for ids, entry in zip(turned, entries, strict=True):
            (alone,) = (await embed(client, ids=[ids]))["data"]
            np.testing.assert_array_equal(vectors_of(entry), vectors_of(alone))
