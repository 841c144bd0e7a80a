"""Large bodies, answers and long texts: how many the process holds, and for how long."""

import asyncio
import json

import anyio
import pytest

from tests.service.serving import PATIENCE_S, PRICES, embed, error_of, serving, settings_of, until

pytestmark = pytest.mark.anyio

ATE = "我吃了一个苹果"
LARGE = {"texts": ATE * 300, "level": "char", "layers": "all", "encoding": "json"}  # 1.8 MB
JSON, NDJSON = "application/json", "application/x-ndjson"
FORMS = pytest.mark.parametrize("accept", [JSON, NDJSON])


class Caller:
    """A request whose client reads, and sends its body, no sooner than the test lets it."""

    def __init__(self, client, fields, accept=JSON):
        self.sent = []
        self.reads, self.writes = asyncio.Event(), asyncio.Event()
        self.waits = asyncio.Event()
        self._body = json.dumps(fields).encode()
        self._sent = self._allowed = 0
        headers = {"accept": accept, "content-length": str(len(self._body))}
        scope = {"type": "http", "method": "POST", "path": "/embed", "query_string": b""}
        scope["headers"] = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.task = asyncio.create_task(client.app(scope, self._receive, self._send))

    @property
    def body(self):
        """What was sent, as one."""
        return b"".join(message["body"] for message in self.sent[1:])

    def sends(self, share):
        """Let the client send its body up to this share of it."""
        self._allowed = int(len(self._body) * share)
        self.writes.set()

    async def _receive(self):
        self.waits.set()
        await self.writes.wait()
        self.writes.clear()
        self.waits.clear()
        if self._sent == len(self._body):
            return await asyncio.Future()  # the client stays
        begin, self._sent = self._sent, self._allowed
        more = self._sent < len(self._body)
        return {"type": "http.request", "body": self._body[begin : self._sent], "more_body": more}

    async def _send(self, message):
        if message["type"] == "http.response.body":
            self.waits.set()
            await self.reads.wait()
        self.sent.append(message)

    async def until_waiting(self):
        """Until it is its turn to write or to read."""
        with anyio.fail_after(PATIENCE_S):
            await self.waits.wait()


def reader_of(client, accept):
    """A caller of a large answer who has not begun to read it."""
    caller = Caller(client, LARGE, accept)
    caller.sends(1)
    return caller


async def until_reading(caller):
    with anyio.fail_after(PATIENCE_S):
        while not caller.sent or not caller.waits.is_set():
            await anyio.sleep(0.001)


async def metric(client, line):
    return f"\n{line}\n" in (await client.get("/metrics")).text


async def test_a_large_answer_leaves_in_slices_that_make_the_whole(client):
    caller = reader_of(client, JSON)
    caller.reads.set()
    await caller.task
    assert max(len(message["body"]) for message in caller.sent[1:]) <= 256 * 1024
    flags = [message["more_body"] for message in caller.sent[1:]]
    assert len(flags) > 3
    assert flags == [True] * (len(flags) - 1) + [False]
    assert json.loads(caller.body) == await embed(client, **LARGE)
    lengths = [value for name, value in caller.sent[0]["headers"] if name == b"content-length"]
    assert lengths == [str(len(caller.body)).encode()]


@FORMS
async def test_answers_that_are_not_read_are_bounded_together(artifact_folder, accept):
    settings = settings_of(artifact_folder, max_held_bytes=3_000_000)
    async with serving(settings) as client:
        slow = reader_of(client, accept)
        await until_reading(slow)
        error = error_of(await client.post("/embed", json=LARGE), 429, "overloaded")
        assert error["details"]["setting"] == "max_held_bytes"
        assert error["details"]["limit"] == 3_000_000 < error["details"]["actual"]
        assert not await metric(client, "bilm_held_bytes 0.0")
        assert (await client.post("/embed", json={"texts": ATE})).status_code == 200  # small
        slow.reads.set()
        await slow.task
        assert await metric(client, "bilm_held_bytes 0.0")
        await embed(client, **LARGE)
    assert ATE.encode() not in slow.body
    assert slow.body


async def test_bodies_are_counted_as_they_arrive_and_bounded_together(artifact_folder):
    fields = {"texts": "我" * 100_000, "truncate": "right", "level": "text"}  # 300 KB
    async with serving(settings_of(artifact_folder, max_held_bytes=500_000)) as client:
        promising, slow = Caller(client, fields), Caller(client, fields)
        await promising.until_waiting()
        assert await metric(client, "bilm_held_bytes 0.0")  # it has sent its length only
        await slow.until_waiting()
        slow.sends(0.99)
        await until(lambda: client.runtime.byte_budget.bytes > 290_000)
        answer = await client.post("/embed", json=fields)
        error = error_of(answer, 429, "overloaded")
        assert error["details"]["setting"] == "max_held_bytes"
        assert answer.headers["retry-after"] == "1"
        assert (await client.post("/embed", json={"texts": ATE})).status_code == 200  # small
        slow.sends(1)
        slow.reads.set()
        with anyio.fail_after(PATIENCE_S):
            await slow.task
        assert json.loads(slow.body)["usage"]["pieces"] == 8192
        await embed(client, **fields)
        promising.task.cancel()


async def test_a_promised_body_takes_nobodys_place(artifact_folder):
    async with serving(settings_of(artifact_folder, max_requests=1)) as client:
        callers = [Caller(client, {"texts": ATE}) for _ in range(3)]
        for caller in callers:
            await caller.until_waiting()
        assert await metric(client, "bilm_requests_in_progress 0.0")
        await embed(client, texts=ATE)
        for caller in callers:
            caller.task.cancel()


async def test_one_request_alone_may_hold_what_its_own_limits_allow(artifact_folder):
    fields = {"texts": "我" * 10_000, "truncate": "right", "layers": "all"}
    async with serving(settings_of(artifact_folder, max_held_bytes=1024)) as client:
        assert (await embed(client, **fields))["usage"]["pieces"] == 8192
        assert await metric(client, "bilm_held_bytes 0.0")


LONG = {"texts": "我" * 9000, "truncate": "right", "level": "text"}  # 27 KB, and a small answer
# 8,194 pieces in 129 stretches of 64; 3 representations of 24 numbers, and a copy of them.
KEPT_BYTES = 129 * 64 * 2 * 3 * 24 * 4
LONG_S = 129 * 64 * PRICES["1 row"]
PATIENT = {"max_queue_s": 600, "deadline_s": 3600}


async def until_admitted(client, number):
    await until(lambda: client.runtime.batcher.waiting_s > (number - 0.5) * LONG_S)


async def test_a_long_text_counts_with_what_the_model_keeps_of_it(artifact_folder, load_held, gate):
    async with serving(settings_of(artifact_folder, **PATIENT), load_held) as client:
        asking = asyncio.create_task(client.post("/embed", json=LONG))
        await gate.wait_until_entered()
        assert client.runtime.byte_budget.bytes == KEPT_BYTES
        gate.is_open.set()
        assert (await asking).status_code == 200
        assert await metric(client, "bilm_held_bytes 0.0")


async def test_only_as_many_long_texts_count_as_are_begun(artifact_folder, load_held, gate):
    settings = settings_of(artifact_folder, max_held_bytes=KEPT_BYTES, **PATIENT)
    async with serving(settings, load_held) as client:
        tasks = [asyncio.create_task(client.post("/embed", json=LONG)) for _ in range(3)]
        await until_admitted(client, 3)
        assert client.runtime.byte_budget.bytes == KEPT_BYTES
        gate.is_open.set()
        assert [(await task).status_code for task in tasks] == [200, 200, 200]
        assert client.runtime.byte_budget.bytes == 0


async def test_long_texts_that_would_fill_the_memory_together_are_refused(
    artifact_folder, load_held, gate
):
    settings = settings_of(artifact_folder, max_held_bytes=2 * KEPT_BYTES - 1, **PATIENT)
    async with serving(settings, lambda: load_held(num_threads=2)) as client:
        first = asyncio.create_task(client.post("/embed", json=LONG))
        await gate.wait_until_entered()
        error = error_of(await client.post("/embed", json=LONG), 429, "overloaded")
        assert error["details"]["actual"] == 2 * KEPT_BYTES
        assert error["details"]["setting"] == "max_held_bytes"
        small = asyncio.create_task(client.post("/embed", json={"texts": ATE}))
        gate.is_open.set()
        assert [(await one).status_code for one in (first, small)] == [200, 200]


async def test_an_inspection_counts_with_its_gates(artifact_folder, load_held, gate):
    settings = settings_of(artifact_folder, inspect=True, max_stepped_pieces=8192, **PATIENT)
    async with serving(settings, load_held) as client:
        asking = asyncio.create_task(client.post("/inspect", json={"text": "我" * 8192}))
        await gate.wait_until_entered()
        values = 8192 * 6 * 12 * 4
        assert client.runtime.byte_budget.bytes == values * 4 // 3 + 2 * values
        asking.cancel()
        gate.is_open.set()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert client.runtime.byte_budget.bytes == 0
