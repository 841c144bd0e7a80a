"""The real app without a socket, and a gate that can hold its real engine."""

import base64
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import anyio
import httpx
import numpy as np

from service.app import create_app
from service.engine import Engine
from service.settings import Settings
from tests.live import load_once

# What a thread of a held engine needs, in seconds: a thousand pieces a second, whatever the batch.
ROWS = dict.fromkeys(["1 row", "2 rows", "4 rows", "8 rows"], 1e-3)
PRICES = {**ROWS, "context": 15e-3, "guesses": 1e-4, "search": 50e-3, "gates": 3e-3}
PATIENCE_S = 120  # beyond any busy machine; a test that waits longer is stuck, and fails
STUCK_S = 20  # a thread takes its work within milliseconds; after this long it never will


async def until(condition):
    """Let the loop run until a condition holds; fail where it never does."""
    with anyio.fail_after(STUCK_S):
        while not condition():
            await anyio.lowlevel.checkpoint()


class Gate:
    """What a test holds of a held engine: it may delay or break a batch, never answer one."""

    def __init__(self):
        self.entered = threading.Event()
        self.is_open = threading.Event()
        self.faults = []
        self.batches = []

    async def wait_until_entered(self):
        """Until the engine has a batch in its hands."""
        assert await anyio.to_thread.run_sync(self.entered.wait, PATIENCE_S)

    def pass_through(self, questions):
        """Wait until the gate is open, and fail if a fault says so."""
        self.batches.append([question.ids for question in questions])
        self.entered.set()
        assert self.is_open.wait(PATIENCE_S), "nobody opened the gate"
        for fault in self.faults:
            fault(questions)


@dataclass(frozen=True)
class HeldEngine(Engine):
    """The real engine behind a gate."""

    gate: Gate

    def run(self, questions):
        """What the engine answers, once the gate lets the batch pass."""
        self.gate.pass_through(questions)
        return super().run(questions)


@asynccontextmanager
async def serving(settings, load=None, until_ready=True):
    """A client of a running app."""
    app = create_app(settings, load or partial(load_once, settings))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            client.app, client.runtime = app, app.state.runtime
            if until_ready:
                await client.runtime.batcher.started
            yield client


def settings_of(folder, **changes):
    """Settings of the suite: one thread, float32 as the oracle, and whatever a test needs."""
    return Settings(**{"model": folder, "threads": 1, "precision": "float32", **changes})


def vectors_of(entry):
    """The numbers of one entry of `data`."""
    if isinstance(entry["embedding"], str):
        little_endian = np.dtype(entry["dtype"]).newbyteorder("<")
        numbers = np.frombuffer(base64.b64decode(entry["embedding"]), little_endian)
        return numbers.reshape(entry["shape"])
    return np.array(entry["embedding"], entry["dtype"]).reshape(entry["shape"])


async def embed(client, **fields):
    """The parsed answer to a request that must succeed."""
    answer = await client.post("/embed", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def embed_one(client, text, **fields):
    """The vectors of one text."""
    (entry,) = (await embed(client, texts=[text], **fields))["data"]
    return vectors_of(entry)


def error_of(answer, status, code):
    """The error of an answer that must be a refusal of that kind."""
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), answer.text
    return error


async def refused(client, status, code, **fields):
    """The error of an embed request that must be refused just so."""
    return error_of(await client.post("/embed", json=fields), status, code)
