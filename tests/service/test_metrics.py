"""What Prometheus reads, parsed by its own client."""

import time

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.responses import StreamingResponse

from benchmarks.processes import HOST
from tests.live import PATIENCE_S, served
from tests.service.serving import embed, serving, settings_of

pytestmark = pytest.mark.anyio

ATE = "我吃了一个苹果"  # six pieces
MANY = {"texts": [ATE] * 1000}


@pytest.fixture
async def fresh(artifact_folder):
    """An app nobody has asked anything yet."""
    async with serving(settings_of(artifact_folder)) as client:
        yield client


async def samples(client):
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


async def test_requests_are_counted_by_path_and_status(fresh):
    await embed(fresh, texts=[ATE])
    await embed(fresh, texts=[ATE, ATE])
    await fresh.post("/embed", json={})
    found = await samples(fresh)
    assert found["bilm_requests_total", "/embed", "200"] == 2
    assert found["bilm_requests_total", "/embed", "422"] == 1
    assert found["bilm_request_duration_seconds_count", "/embed"] == 3
    assert found["bilm_pieces_total",] == 18


async def test_refusals_are_counted_by_code_and_setting(fresh):
    await fresh.post("/embed", json={})
    await fresh.get("/nowhere")
    await fresh.post("/embed", json=MANY)
    found = await samples(fresh)
    assert found["bilm_refusals_total", "", "validation_error"] == 1
    assert found["bilm_refusals_total", "", "not_found"] == 1
    assert found["bilm_refusals_total", "max_texts", "too_many_texts"] == 1


async def test_a_line_of_the_log_names_the_code_and_the_setting(fresh, caplog):
    with caplog.at_level("INFO"):
        await fresh.post("/embed", json=MANY)
        await embed(fresh, texts=[ATE])
    refused, answered = (
        record.fields for record in caplog.records if record.getMessage() == "request"
    )
    assert (refused["code"], refused["setting"]) == ("too_many_texts", "max_texts")
    assert "code" not in answered


async def test_tokenizing_and_encoding_are_timed(fresh):
    await embed(fresh, texts=[ATE])
    found = await samples(fresh)
    for stage in ("tokenize", "encode"):
        assert found["bilm_stage_duration_seconds_count", stage] == 1


async def test_an_answer_that_breaks_off_is_a_fault_of_ours(fresh):
    async def breaking():
        yield b"one line"
        raise RuntimeError("a fault")

    fresh.app.add_api_route("/breaking", lambda: StreamingResponse(breaking()))
    with pytest.raises(AssertionError):  # of the transport: an answer that never ends
        await fresh.get("/breaking")
    assert (await samples(fresh))["bilm_requests_total", "500", "other"] == 1


async def test_paths_of_no_route_are_one(fresh):
    for number in range(5):
        await fresh.get(f"/nowhere/{number}")
    found = await samples(fresh)
    assert found["bilm_requests_total", "404", "other"] == 5
    assert not any("nowhere" in part for key in found for part in key)


async def test_batches_are_measured_in_padded_pieces(fresh):
    await embed(fresh, texts=[ATE, ATE * 4])  # 8 and 32 with their padding, in one batch
    found = await samples(fresh)
    assert found["bilm_batch_padded_pieces_sum",] == 40
    assert found["bilm_batch_padded_pieces_count",] == 1
    assert 0 < found["bilm_batch_duration_seconds_sum",] < 60
    assert found["bilm_queue_wait_seconds_count",] == 2


async def test_turns_are_no_batches_and_a_search_waits_once(artifact_folder, load_held, gate):
    gate.is_open.set()
    async with serving(settings_of(artifact_folder), load_held) as client:
        assert (await client.post("/complete", json={"text": ATE})).status_code == 200
        found = await samples(client)
    assert len(gate.batches) > 6  # a turn for each step
    assert found["bilm_batch_padded_pieces_count",] == 0
    assert found["bilm_queue_wait_seconds_count",] == 1
    assert found["bilm_pieces_total",] == 6


async def test_the_queue_is_seen_while_it_waits(artifact_folder, load_held, gate):
    async with serving(settings_of(artifact_folder), load_held) as client:
        engine = client.runtime.batcher.engine
        guesses = engine.encoder.guesses_for(engine.encoder.blank("我__"), 1)
        questions = [engine.scheduled(guesses)] * 3
        first = client.runtime.batcher.submit(questions[:1], deadline=1e12)
        await gate.wait_until_entered()
        second = client.runtime.batcher.submit(questions[1:], deadline=1e12)
        found = await samples(client)
        assert found["bilm_queue_padded_pieces",] == 16
        # 16 pieces of a millisecond, and twice 301 guesses of a tenth of one
        assert found["bilm_queue_seconds",] == pytest.approx(0.016 + 2 * 301 * 1e-4)
        gate.is_open.set()
        await first.done
        await second.done
        assert (await samples(client))["bilm_queue_padded_pieces",] == 0


async def test_readiness_is_a_number(fresh):
    assert (await samples(fresh))["bilm_ready",] == 1
    fresh.runtime.drain()
    assert (await samples(fresh))["bilm_ready",] == 0


async def test_memory_and_open_files_are_told(fresh):
    found = await samples(fresh)
    assert found["process_resident_memory_bytes",] > 1e6
    assert found["process_open_fds",] > 0


def test_a_loop_that_is_held_up_shows_in_its_lag(artifact_folder):
    with served(artifact_folder) as server:
        before = lag_of(server)
        server._loop.call_soon_threadsafe(time.sleep, 0.5)
        time.sleep(0.2)  # the answer comes after the tick that is late
        assert lag_of(server) >= before + 0.3


def lag_of(server):
    """Return all seconds that the loop was late."""
    page = httpx.get(f"http://{HOST}:{server.port}/metrics", timeout=PATIENCE_S).text
    (line,) = [one for one in page.splitlines() if one.startswith("bilm_loop_lag_seconds_sum")]
    return float(line.split()[1])
