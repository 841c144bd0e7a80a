"""The answer of /embed that leaves line by line: what its client sees, and when."""

import asyncio
import json

import anyio
import pytest

from tests.service.serving import PATIENCE_S, embed, refused, serving, settings_of

pytestmark = pytest.mark.anyio

ACCEPT = "application/x-ndjson"
ATE = "我吃了一个苹果"
USED = "我在用苹果手机"


@pytest.fixture
def serving_held(artifact_folder, load_held):
    """A client of an app whose engine waits behind the gate, and runs one text at a time."""
    settings = {"max_batch_pieces": 64}
    return lambda **changes: serving(settings_of(artifact_folder, **settings, **changes), load_held)


async def lines(client, **fields):
    answer = await client.post("/embed", json=fields, headers={"accept": ACCEPT})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith(ACCEPT)
    assert answer.text.endswith("\n")
    return [json.loads(line) for line in answer.text.splitlines()]


class Stream:
    """A streamed answer while it is under way."""

    def __init__(self, client, **fields):
        self.sent = []
        self.hangs_up = asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()
        self._body = [{"type": "http.request", "body": json.dumps(fields).encode()}]
        scope = {"type": "http", "method": "POST", "path": "/embed", "query_string": b""}
        scope["headers"] = [(b"accept", ACCEPT.encode())]
        self.task = asyncio.create_task(client.app(scope, self._receive, self._send))

    @property
    def lines(self):
        """Those sent so far, parsed."""
        return [json.loads(message["body"]) for message in self.sent[1:]]

    async def _receive(self):
        if self._body:
            return self._body.pop()
        await self.hangs_up.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        await self.reads.wait()
        self.sent.append(message)


@pytest.mark.parametrize(
    "fields",
    [
        {"texts": [ATE, "", USED]},
        {"texts": [ATE] * 5, "layers": "all", "encoding": "json", "dtype": "float16"},
        {"texts": [USED, ""], "level": "text"},
        {"texts": [USED, "我\u200b吃"], "level": "char"},
    ],
)
async def test_lines_are_the_entries_and_the_last_one_the_rest(client, fields):
    *entries, summary = await lines(client, **fields)
    expected = await embed(client, **fields)
    assert sorted(entries, key=lambda entry: entry["index"]) == expected.pop("data")
    assert summary == expected


async def test_a_text_leaves_before_the_next_ones_are_read(serving_held, gate):
    long = ATE * 10  # wider than a batch of these has room for beside the first
    gate.is_open.set()
    gate.faults.append(lambda _: gate.is_open.clear())  # one batch passes at a time
    async with serving_held() as client:
        stream = Stream(client, texts=[ATE, long])
        with anyio.fail_after(PATIENCE_S):
            while len(gate.batches) < 2 or len(stream.sent) < 2:
                await anyio.sleep(0)
        assert [line["index"] for line in stream.lines] == [0]  # the second text waits at the gate
        gate.is_open.set()
        await stream.task
    assert [line.get("index") for line in stream.lines] == [0, 1, None]
    assert [message.get("more_body") for message in stream.sent] == [None, True, True, False]
    assert len(gate.batches) == 2


async def test_what_fails_later_is_the_last_line(serving_held, gate, cut):
    poison = tuple(cut(USED * 10))

    def choke(questions):
        if any(question.ids == poison for question in questions):
            raise RuntimeError("poisoned")

    gate.faults.append(choke)
    gate.is_open.set()
    async with serving_held() as client:
        *entries, last = await lines(client, texts=[ATE, USED * 10])
        assert [entry["index"] for entry in entries] == [0]
        assert last["error"]["code"] == "internal"
        assert last["error"]["request_id"]
        assert (await client.get("/readyz")).status_code == 200


async def test_a_number_that_does_not_fit_is_the_last_line(client):
    fields = {"texts": [ATE, USED], "mix": {"weights": [1e6, 0, 0]}, "dtype": "float16"}
    (last,) = await lines(client, **fields)
    assert (last["error"]["code"], last["error"]["param"]) == ("validation_error", "dtype")


async def test_later_than_the_deadline_is_the_last_line(serving_held, gate):
    async with serving_held(deadline_s=1) as client:
        (last,) = await lines(client, texts=[ATE])
        assert last["error"]["code"] == "deadline_exceeded"
        gate.is_open.set()


async def test_a_slow_reader_holds_nobodys_place(serving_held, gate):
    gate.is_open.set()
    async with serving_held(max_requests=1) as client:
        stream = Stream(client, texts=[ATE, USED])
        stream.reads.clear()
        with anyio.fail_after(PATIENCE_S):
            while len(gate.batches) < 1 or client.runtime.places.num_taken:
                await anyio.sleep(0)
        assert len((await embed(client, texts=[USED]))["data"]) == 1
        assert len(stream.sent) <= 1
        stream.hangs_up.set()
        await stream.task


async def test_a_client_that_hangs_up_frees_its_place_and_its_work(serving_held, gate):
    async with serving_held(max_requests=1) as client:
        stream = Stream(client, texts=[ATE, ATE * 10])
        await gate.wait_until_entered()
        await refused(client, 429, "overloaded", texts=USED)
        stream.hangs_up.set()
        await stream.task
        gate.is_open.set()
        assert len((await embed(client, texts=[USED]))["data"]) == 1
    assert len(gate.batches) == 2  # ATE * 10 never ran
    assert stream.lines == []


async def test_a_refusal_before_the_first_line_has_its_status(client):
    answer = await client.post("/embed", json={"texts": 3}, headers={"accept": ACCEPT})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/json"


async def test_many_streams_at_once_each_end_with_their_summary(client):
    found = []

    async def ask(length):
        found.append(await lines(client, texts=[ATE * length, USED]))

    async with anyio.create_task_group() as together:
        for length in range(1, 20):
            together.start_soon(ask, length)
    assert all(len(one) == 3 and one[-1]["usage"] for one in found)
