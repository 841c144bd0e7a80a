"""Large bodies and answers: how many the process holds, and for how long."""

import asyncio
import json

import anyio
import pytest

from tests.service.serving import PATIENCE_S, embed, error_of, serving, settings_of

pytestmark = pytest.mark.anyio

ATE = "我吃了一个苹果"
LARGE = {"texts": ATE * 300, "level": "char", "layers": "all", "encoding": "json"}  # 1.8 MB
JSON, NDJSON = "application/json", "application/x-ndjson"
FORMS = pytest.mark.parametrize("accept", [JSON, NDJSON])


class Caller:
    """A request whose client reads, and sends its body, no sooner than it is told to."""

    def __init__(self, client, fields, accept=JSON):
        self.sent = []
        self.reads, self.writes = asyncio.Event(), asyncio.Event()
        self.waits = asyncio.Event()
        self._body = json.dumps(fields).encode()
        headers = {"accept": accept, "content-length": str(len(self._body))}
        scope = {"type": "http", "method": "POST", "path": "/embed", "query_string": b""}
        scope["headers"] = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.task = asyncio.create_task(client.app(scope, self._receive, self._send))

    @property
    def body(self):
        """What was sent, as one."""
        return b"".join(message["body"] for message in self.sent[1:])

    async def _receive(self):
        self.waits.set()
        await self.writes.wait()
        self.waits.clear()
        if self._body:
            body, self._body = self._body, b""
            return {"type": "http.request", "body": body}
        return await asyncio.Future()  # the client stays

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
    caller.writes.set()
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


@FORMS
async def test_a_client_that_does_not_read_is_cut_off(artifact_folder, accept):
    async with serving(settings_of(artifact_folder, deadline_s=1)) as client:
        caller = reader_of(client, accept)
        with anyio.fail_after(PATIENCE_S):
            await caller.task
        assert len(caller.sent) == 1  # it had begun
        assert await metric(client, "bilm_held_bytes 0.0")
        assert await metric(client, 'bilm_requests_total{path="/embed",status="499"} 1.0')


async def test_bodies_on_their_way_are_bounded_together(artifact_folder):
    fields = {"texts": "我" * 100_000, "truncate": "right", "level": "text"}  # 300 KB
    async with serving(settings_of(artifact_folder, max_held_bytes=500_000)) as client:
        slow = Caller(client, fields)
        await slow.until_waiting()
        answer = await client.post("/embed", json=fields)
        error = error_of(answer, 429, "overloaded")
        assert error["details"]["setting"] == "max_held_bytes"
        assert answer.headers["retry-after"] == "1"
        slow.writes.set()
        slow.reads.set()
        with anyio.fail_after(PATIENCE_S):
            await slow.task
        assert json.loads(slow.body)["usage"]["pieces"] == 8192
        await embed(client, **fields)


async def test_one_request_alone_may_hold_what_its_own_limits_allow(artifact_folder):
    fields = {"texts": "我" * 100_000, "truncate": "right", "layers": "all"}
    async with serving(settings_of(artifact_folder, max_held_bytes=1024)) as client:
        assert (await embed(client, **fields))["usage"]["pieces"] == 8192
        assert await metric(client, "bilm_held_bytes 0.0")
