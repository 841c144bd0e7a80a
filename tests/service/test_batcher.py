"""The inference threads under load and under faults. The real engine runs, behind a gate."""

import asyncio
import gc
import logging
import weakref
from dataclasses import replace
from functools import partial

import anyio
import httpx
import numpy as np
import pytest

from biLM.artifact import save_artifact
from biLM.errors import MissingFileError, SelfTestError
from biLM.questions.readout import Readout
from tests.service.serving import (
    PATIENCE_S,
    embed,
    embed_one,
    error_of,
    refused,
    serving,
    settings_of,
    until,
    vectors_of,
)

pytestmark = pytest.mark.anyio

ATE = "我吃了一个苹果"
USED = "我在用苹果手机"


@pytest.fixture
def serving_held(artifact_folder, load_held):
    """A client of an app whose engine waits behind the gate."""

    def served(num_threads=1, **changes):
        return serving(settings_of(artifact_folder, **changes), partial(load_held, num_threads))

    return served


def post(client, **fields):
    return asyncio.create_task(client.post("/embed", json=fields))


async def until_waiting(client, texts):
    """Let the loop run until so many texts of 8 padded pieces wait."""
    await until(lambda: client.runtime.batcher._backlog.pieces >= 8 * texts)


async def test_a_full_queue_answers_429_with_the_time_to_wait(serving_held, gate):
    # 1000 pieces a second for 0.016 s: two texts of 8 padded pieces
    async with serving_held(max_queue_s=0.016) as client:
        first = post(client, texts=ATE)
        await gate.wait_until_entered()
        waiting = post(client, texts=[ATE, USED])
        await until_waiting(client, 2)

        answer = await client.post("/embed", json={"texts": ATE})
        error = error_of(answer, 429, "overloaded")
        gate.is_open.set()

        assert answer.headers["retry-after"] == "1"
        assert "0.0 s of work are waiting, and the request adds 0.0 s" in error["message"]
        assert error["type"] == "overloaded_error"
        assert error["details"] == {
            "index": None,
            "place": None,
            "limit": 0.016,
            "actual": 0.024,
            "setting": "max_queue_s",
        }
        assert [(await first).status_code, (await waiting).status_code] == [200, 200]


async def test_an_empty_queue_takes_any_request_that_is_allowed(serving_held, gate):
    gate.is_open.set()
    async with serving_held(max_queue_s=0.001) as client:
        assert len((await embed(client, texts=[ATE] * 50))["data"]) == 50


async def test_a_crowd_of_requests_answers_429(serving_held, gate):
    async with serving_held(max_requests=1) as client:
        first = post(client, texts=ATE)
        await gate.wait_until_entered()
        error = await refused(client, 429, "overloaded", texts=ATE)
        gate.is_open.set()
        assert error["details"]["setting"] == "max_requests"
        assert (await first).status_code == 200


async def test_a_crowd_of_one_key_leaves_places_to_others(serving_held, gate):
    keys = {"api_keys": "shop shop-key-1, lab lab-key-22"}
    async with serving_held(max_requests=3, max_key_requests=2, **keys) as client:
        shop, lab = {"x-api-key": "shop-key-1"}, {"x-api-key": "lab-key-22"}
        first, second, other = (
            asyncio.create_task(client.post("/embed", json={"texts": ATE}, headers=key))
            for key in (shop, shop, lab)
        )
        await until(lambda: client.runtime.places.num_taken == 3)
        by_all = await client.post("/embed", json={"texts": ATE}, headers=lab)
        other.cancel()
        await until(lambda: client.runtime.places.num_taken == 2)
        by_key = await client.post("/embed", json={"texts": ATE}, headers=shop)
        third = asyncio.create_task(client.post("/embed", json={"texts": ATE}, headers=lab))
        await until(lambda: client.runtime.places.num_taken == 3)
        gate.is_open.set()

        assert error_of(by_all, 429, "overloaded")["details"]["setting"] == "max_requests"
        error = error_of(by_key, 429, "overloaded")
        assert error["details"]["setting"] == "max_key_requests"
        assert error["details"]["limit"] == 2
        assert "2 requests of this key are being served" in error["message"]
        for task in (first, second, third):
            assert (await task).status_code == 200
        again = await client.post("/embed", json={"texts": ATE}, headers=shop)
        assert again.status_code == 200


async def test_what_gathers_while_the_model_is_busy_rides_together(serving_held, gate, cut):
    async with serving_held() as client:
        first = post(client, texts="我")
        await gate.wait_until_entered()
        second, third = post(client, texts=ATE, mix="top"), post(client, texts=USED, layers="all")
        await until_waiting(client, 2)
        gate.is_open.set()
        answers = [(await task).json() for task in (first, second, third)]

    assert gate.batches == [[tuple(cut("我"))], [tuple(cut(ATE)), tuple(cut(USED))]]
    assert [answer["data"][0]["shape"] for answer in answers] == [[1, 24], [6, 24], [3, 6, 24]]


async def until_idle(client, threads):
    """Let the loop run until so many threads wait for work; one that begins takes no share yet."""
    await until(lambda: client.runtime.batcher._num_idle >= threads)


async def until_held(gate, batches):
    """Let the loop run until so many batches stand at the gate."""
    await until(lambda: len(gate.batches) >= batches)


async def test_threads_that_are_idle_share_a_request(serving_held, gate):
    async with serving_held(num_threads=3) as client:
        await until_idle(client, 3)
        asked = post(client, texts=[ATE, USED] * 3)
        await until_held(gate, 3)
        gate.is_open.set()
        assert [len(batch) for batch in gate.batches] == [2, 2, 2]
        assert len((await asked).json()["data"]) == 6


async def test_the_first_thread_that_is_free_takes_all_that_has_gathered(serving_held, gate):
    async with serving_held(num_threads=2) as client:
        await until_idle(client, 2)
        first, second = post(client, texts="我"), post(client, texts="吃")
        await until_held(gate, 2)
        gathered = post(client, texts=[ATE, USED] * 3)
        await until_waiting(client, 6)
        gate.is_open.set()
        answers = await asyncio.gather(first, second, gathered)
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        assert [len(batch) for batch in gate.batches] == [1, 1, 6]


async def test_two_texts_are_read_at_once_by_two_threads(serving_held, gate, client):
    async with serving_held(num_threads=2) as held:
        await until_idle(held, 2)
        answers = [post(held, texts=text) for text in (ATE, USED)]
        await until_held(gate, 2)
        gate.is_open.set()
        for text, answer in zip((ATE, USED), answers, strict=True):
            (entry,) = (await answer).json()["data"]
            np.testing.assert_array_equal(vectors_of(entry), await embed_one(client, text))


async def test_a_request_larger_than_a_batch_rides_in_several(serving_held, gate, client):
    gate.is_open.set()
    texts = [ATE, USED] * 10
    async with serving_held(max_batch_pieces=64) as held:
        entries = (await embed(held, texts=texts))["data"]

    assert [len(batch) for batch in gate.batches] == [8, 8, 4]
    for text, entry in zip(texts, entries, strict=True):
        expected = await embed_one(client, text)
        np.testing.assert_allclose(vectors_of(entry), expected, rtol=0, atol=1e-6)


async def test_texts_that_finish_out_of_order_are_answered_in_order(serving_held, gate, cut):
    gate.is_open.set()
    long, short = ATE * 4, USED  # 32 and 8 padded pieces; the oldest width goes first
    async with serving_held(max_batch_pieces=64) as client:
        entries = (await embed(client, texts=[long, short, long, short]))["data"]

    assert gate.batches == [[tuple(cut(text))] * 2 for text in (long, short)]
    assert [entry["ids"] for entry in entries] == [cut(text) for text in (long, short) * 2]
    rows = [len(vectors_of(entry)) for entry in entries]
    assert rows == [len(cut(text)) for text in (long, short) * 2]


async def test_a_long_text_lets_others_have_their_turns(serving_held, gate, cut, client):
    # In a batch of 256 padded pieces, 128 are the most that a text may have to ride in it.
    long, other = ATE * 60, ATE * 50
    async with serving_held(max_batch_pieces=256) as held:
        held.runtime.batcher.engine = replace(held.runtime.batcher.engine, batch_pieces=256)
        answers = [post(held, texts=long, layers=[0, 1, 2, "context"])]
        await gate.wait_until_entered()
        answers += [post(held, texts=other), post(held, texts=USED)]
        await until_waiting(held, 1)
        gate.is_open.set()
        found = [vectors_of((await one).json()["data"][0]) for one in answers]

    order = [ids for (ids,) in gate.batches]
    assert order.index(tuple(cut(USED))) == 1  # right after the first turn of the long text
    begun = order.index(tuple(cut(other)))
    assert tuple(cut(long)) not in order[begun:]  # one long text after the other
    assert order.count(tuple(cut(long))) > order.count(tuple(cut(other))) > 3
    alone = await embed_one(client, long, layers=[0, 1, 2, "context"])
    np.testing.assert_array_equal(found[0], alone)
    np.testing.assert_array_equal(found[1], await embed_one(client, other))


async def test_what_is_made_of_the_texts_counts_in_a_batch(serving_held, gate):
    async with serving_held() as held:
        answers = [post(held, texts="我")]
        await gate.wait_until_entered()
        # 8 padded pieces and three blocks, which take as long as 45: 77 of 4,096, and a rest
        answers.append(post(held, texts=[ATE] * 80, layers=["context"]))
        await until_waiting(held, 80)
        gate.is_open.set()
        assert [(await one).status_code for one in answers] == [200, 200]
    assert [len(batch) for batch in gate.batches] == [1, 77, 3]


async def test_one_slow_moment_moves_no_question_out_of_the_batches(serving_held):
    async with serving_held() as held:
        engine = held.runtime.batcher.engine
        questions = [
            engine.encoder.guesses_for(engine.encoder.blank("我__"), 10),
            engine.encoder.vectors_for(engine.encoder.pieces(ATE), Readout(("context",))),
        ]
        for kind in ("guesses", "context"):
            engine.prices.learn(kind, 3, 50.0)
        assert [engine.scheduled(question).share for question in questions] == ["batches"] * 2


async def test_a_request_of_short_and_long_texts_is_admitted_as_each_kind_is(serving_held, gate):
    async with serving_held(max_queue_s=0.6) as held:
        held.runtime.batcher.engine = replace(held.runtime.batcher.engine, batch_pieces=256)
        answers = [post(held, texts=ATE)]
        await gate.wait_until_entered()
        # At a millisecond a piece: 0.4 s of texts wait for batches, and 0.384 s of long texts.
        answers.append(post(held, texts=[ATE] * 50))
        await until_waiting(held, 50)
        answers.append(post(held, texts=ATE * 60))
        answers.append(post(held, texts=[ATE, "我"]))
        await until_waiting(held, 52)
        mixed = await held.post("/embed", json={"texts": [ATE, ATE * 60]})
        error = error_of(mixed, 429, "overloaded")
        assert error["details"]["actual"] == pytest.approx(2 * 0.384)  # of the long ones alone
        gate.is_open.set()
        assert [(await one).status_code for one in answers] == [200] * 4


async def test_where_three_kinds_wait_each_has_less_room(serving_held, gate):
    async with serving_held(max_queue_s=0.6, inspect=True) as held:
        held.runtime.batcher.engine = replace(held.runtime.batcher.engine, batch_pieces=256)
        answers = [post(held, texts=ATE)]
        await gate.wait_until_entered()
        answers.append(post(held, texts=[ATE] * 50))
        await until_waiting(held, 50)
        answers.append(post(held, texts=ATE * 60))
        body = {"text": "我", "layer": 1}
        answers.append(asyncio.create_task(held.post("/inspect", json=body)))
        await until(lambda: all(held.runtime.batcher._backlog.seconds.values()))
        error = error_of(await held.post("/embed", json={"texts": ATE}), 429, "overloaded")
        assert error["details"]["limit"] == pytest.approx(0.4)
        gate.is_open.set()
        assert [(await one).status_code for one in answers] == [200] * 4


async def test_only_the_request_with_the_poison_text_fails(serving_held, gate, cut):
    poison = tuple(cut(USED))

    def choke(passages):
        if any(passage.ids == poison for passage in passages):
            raise RuntimeError("poisoned")

    gate.faults.append(choke)
    async with serving_held() as client:
        first = post(client, texts="我")
        await gate.wait_until_entered()
        healthy, poisoned = post(client, texts=[ATE, "了"]), post(client, texts=["一", USED])
        await until_waiting(client, 4)
        gate.is_open.set()

        assert "poisoned" not in (await poisoned).text
        error_of(await poisoned, 500, "internal")
        assert [(await first).status_code, (await healthy).status_code] == [200, 200]


# The thread is meant to die of it, before everybody's eyes.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_dead_inference_thread_fails_all_who_wait_and_livez(serving_held, gate):
    def end_the_thread(passages):
        raise SystemExit

    gate.faults.append(end_the_thread)
    async with serving_held() as client:
        running = post(client, texts=ATE)
        await gate.wait_until_entered()
        waiting = post(client, texts=USED)
        await until_waiting(client, 1)
        gate.is_open.set()

        for answer in (await running, await waiting):
            error_of(answer, 503, "worker_dead")
            assert int(answer.headers["retry-after"]) > 0
        error_of(await client.get("/livez"), 503, "worker_dead")
        error_of(await client.get("/readyz"), 503, "worker_dead")
        await refused(client, 503, "worker_dead", texts=ATE)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_one_dead_thread_of_several_fails_all_who_wait(serving_held, gate, cut):
    deadly = tuple(cut(USED))

    def end_one_thread(questions):
        if questions[0].ids == deadly:
            raise SystemExit

    gate.faults.append(end_one_thread)
    async with serving_held(num_threads=2) as client:
        await until_idle(client, 2)
        both = [post(client, texts=text) for text in (ATE, USED)]
        await until_held(gate, 2)
        waiting = post(client, texts="我")
        await until_waiting(client, 1)
        gate.is_open.set()

        error_of(await both[1], 503, "worker_dead")
        error_of(await client.get("/livez"), 503, "worker_dead")
        for answer in (await both[0], await waiting):  # answered before, or not at all
            assert answer.status_code in (200, 503)


async def test_a_stuck_inference_thread_counts_as_dead(serving_held, gate):
    async with serving_held(stall_s=0.01) as client:
        stuck = post(client, texts=ATE)
        error_of(await stuck, 503, "worker_dead")
        error_of(await client.get("/livez"), 503, "worker_dead")
        gate.is_open.set()


async def test_the_texts_of_a_client_who_left_are_dropped(serving_held, gate, cut):
    async with serving_held() as client:
        first = post(client, texts="我")
        await gate.wait_until_entered()

        left = asyncio.Event()
        gone = asyncio.create_task(request_and_leave(client.app, {"texts": ATE}, left))
        await until_waiting(client, 1)
        left.set()
        assert await gone == []
        gate.is_open.set()
        assert (await first).status_code == 200
        await embed(client, texts=USED)

    assert tuple(cut(ATE)) not in [ids for batch in gate.batches for ids in batch]


async def request_and_leave(app, fields, left):
    """What a client gets that disconnects once `left` is set."""
    request = httpx.Request("POST", "http://service/embed", json=fields)
    body = [{"type": "http.request", "body": request.content, "more_body": False}]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/embed",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    sent = []

    async def receive():
        if body:
            return body.pop()
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent


@pytest.fixture
def without_collector():
    """What stays in a cycle is seen to stay."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def jobs_of(client, monkeypatch):
    """A list in which every job that is submitted from now on stands, weakly."""
    batcher, jobs = client.runtime.batcher, []
    submit = batcher.submit

    def submit_seen(questions, deadline):
        job = submit(questions, deadline)
        jobs.append(weakref.ref(job))
        return job

    monkeypatch.setattr(batcher, "submit", submit_seen)
    return jobs


async def until_forgotten(job):
    with anyio.fail_after(PATIENCE_S):
        while job() is not None:
            await anyio.sleep(0.01)


@pytest.mark.usefixtures("without_collector")
@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
async def test_a_request_that_was_answered_is_forgotten(artifact_folder, monkeypatch, accept):
    async with serving(settings_of(artifact_folder)) as client:
        jobs = jobs_of(client, monkeypatch)
        headers = {"accept": accept}
        answer = await client.post("/embed", json={"texts": [ATE, USED]}, headers=headers)
        assert answer.status_code == 200
        await until_forgotten(jobs[0])


@pytest.mark.usefixtures("without_collector")
async def test_a_request_whose_client_has_gone_is_forgotten(serving_held, gate, monkeypatch):
    async with serving_held() as client:
        jobs, left = jobs_of(client, monkeypatch), asyncio.Event()
        gone = asyncio.create_task(request_and_leave(client.app, {"texts": ATE}, left))
        await gate.wait_until_entered()
        left.set()
        assert await gone == []
        del gone
        gate.is_open.set()
        await until_forgotten(jobs[0])


async def test_an_answer_later_than_the_deadline_is_a_504(serving_held, gate):
    async with serving_held(deadline_s=0.05) as client:
        error_of(await post(client, texts=ATE), 504, "deadline_exceeded")
        gate.is_open.set()


async def test_a_draining_process_finishes_what_it_accepted_and_takes_no_more(serving_held, gate):
    async with serving_held() as client:
        accepted = post(client, texts=ATE)
        await gate.wait_until_entered()
        client.runtime.drain()

        answer = await client.post("/embed", json={"texts": ATE})
        error_of(answer, 503, "draining")
        assert int(answer.headers["retry-after"]) > 0
        error_of(await client.get("/readyz"), 503, "draining")
        assert (await client.get("/livez")).status_code == 200
        gate.is_open.set()
        assert (await accepted).status_code == 200


async def test_a_process_that_loads_is_alive_and_not_ready(artifact_folder, load_held, gate):
    def load_slowly():
        gate.pass_through([])
        return load_held()

    settings = settings_of(artifact_folder)
    async with serving(settings, load_slowly, until_ready=False) as client:
        assert (await client.get("/livez")).json() == {"status": "alive"}
        for path in ("/readyz", "/info"):
            error_of(await client.get(path), 503, "starting")
        await refused(client, 503, "starting", texts=ATE)
        gate.is_open.set()
        await client.runtime.batcher.started
        assert (await client.get("/readyz")).json() == {"status": "ready"}


async def test_a_model_that_cannot_be_loaded_is_named_in_the_log(tmp_path, caplog):
    async with serving(settings_of(tmp_path / "none"), until_ready=False) as client:
        with pytest.raises(MissingFileError, match=r"config\.json does not exist"):
            await client.runtime.batcher.started
        await client.runtime.batcher.died.wait()
        error_of(await client.get("/livez"), 503, "worker_dead")
    (line,) = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert "config.json does not exist" in line.getMessage()
    assert line.exc_info is None


async def test_a_machine_that_does_not_reproduce_the_golden_vectors_never_serves(
    artifact, tmp_path
):
    golden = artifact.golden[0]
    wrong = replace(artifact, golden=(replace(golden, vectors=golden.vectors + np.float32(0.01)),))
    save_artifact(wrong, tmp_path / "wrong")

    async with serving(settings_of(tmp_path / "wrong"), until_ready=False) as client:
        with pytest.raises(SelfTestError):
            await client.runtime.batcher.started
        await client.runtime.batcher.died.wait()
        error_of(await client.get("/readyz"), 503, "worker_dead")
