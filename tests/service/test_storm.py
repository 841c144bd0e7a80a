"""Overload a real process with the shipped model, and send it clients that misbehave.

No accepted request may be lost, and no other client may suffer.
"""

import json
import random
import signal
import socket
import time
from collections import Counter
from contextlib import contextmanager

import anyio
import httpx
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.processes import HOST, PATIENCE_S, READY, SERVICE, running
from service.settings import Settings
from tests.service.watched import Watched

pytestmark = [pytest.mark.long, pytest.mark.alone, pytest.mark.anyio]

TEXT = "我在用苹果手机，昨天吃了一个苹果。" * 2
REQUEST = {"texts": TEXT, "level": "text"}
LARGE = {"texts": [TEXT] * 120, "level": "text"}
# Longer than the 10 s of work that the queue holds: the later answers are those of a full queue.
STORM_S = 15
# Tests wait for these, so they are short.
DEADLINE_S = UNREAD_S = 5.0
# The pools of the allocators may grow with the requests, but not with the connections.
GROWTH_MIB = 150
# Each client sends a request as soon as it gets a response. So many send more than ten times the
# requests that the service can answer.
CLIENTS = 150


class Served:
    """A service that is ready, with its address, its log and its metrics."""

    def __init__(self, server):
        server.wait_for(READY)
        self.process = server.process
        self.watched = Watched(server.process.pid, server.port)
        self.log = server.log
        self.port = server.port
        self.url = server.url

    def client(self, **changes):
        """Return an HTTP client with an unlimited number of connections."""
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        return httpx.AsyncClient(
            base_url=self.url, timeout=PATIENCE_S, limits=limits, trust_env=False, **changes
        )

    def connect(self):
        """Return a connection, to send what no HTTP client would send."""
        return socket.create_connection((HOST, self.port), timeout=PATIENCE_S)

    def metric(self, name):
        """Return the value of a metric without labels."""
        page = httpx.get(f"{self.url}/metrics", trust_env=False, timeout=PATIENCE_S).text
        samples = (s for family in text_string_to_metric_families(page) for s in family.samples)
        return next(sample.value for sample in samples if sample.name == name)

    def requests(self, status):
        """Return how often /embed returned a status, by the log of a process that has ended."""
        lines = [json.loads(line) for line in self.log().splitlines()]
        requests = [line for line in lines if line["event"] == "request"]
        return sum(line["path"] == "/embed" and line["status"] == status for line in requests)


@contextmanager
def served(*arguments, deadline_s=DEADLINE_S):
    deadline = ["--deadline-s", str(deadline_s)] if deadline_s else []
    with running(*SERVICE, "--threads", "1", *deadline, *arguments) as server:
        yield Served(server)


def head_of(length):
    return f"POST /embed HTTP/1.1\r\nhost: service\r\ncontent-length: {length}\r\n\r\n".encode()


async def warm_up(service, body):
    """Send a request like those of the test, so that memory is compared with what it then is."""
    async with service.client() as client:
        assert (await client.post("/embed", content=body)).status_code == 200


async def until_idle(service, files):
    """Wait until the service has no request, no connection and nothing to send.

    Args:
        service: The service.
        files: How many descriptors it had before.
    """
    watched = service.watched
    with anyio.fail_after(PATIENCE_S):
        while service.metric("bilm_requests_in_progress") or service.metric("bilm_held_bytes"):
            await anyio.sleep(0.1)
        while service.metric("bilm_connections") > 1 or watched.unsent_bytes():  # the scrape's own
            await anyio.sleep(0.1)
        while watched.num_files() > files + 2:
            await anyio.sleep(0.1)


async def test_far_more_than_it_can_do_is_answered_or_refused_in_time():
    answers = []

    async def ask(client):
        while time.monotonic() < end:
            began = time.monotonic()
            answer = await client.post("/embed", json=LARGE)
            answers.append((answer.status_code, time.monotonic() - began))
            if answer.status_code == 429:
                assert int(answer.headers["retry-after"]) >= 1

    with served(deadline_s=None) as service:
        async with service.client() as client, anyio.create_task_group() as storm:
            end = time.monotonic() + STORM_S
            for _ in range(CLIENTS):
                storm.start_soon(ask, client)
        statuses = Counter(status for status, _ in answers)
        assert statuses.keys() <= {200, 429, 503, 504}
        assert statuses[200] > 10
        assert statuses[429] > 2 * statuses[200], statuses  # how many more, the machine decides
        taken = [seconds for status, seconds in answers if status == 200]
        assert np.quantile(taken, 0.99) < Settings.model_fields["deadline_s"].default
        async with service.client() as client:  # afterwards, the service works as before
            assert (await client.post("/embed", json=REQUEST)).status_code == 200
            assert (await client.get("/readyz")).status_code == 200


async def test_five_hundred_clients_that_hang_up_leave_nothing_behind():
    body = json.dumps({"texts": [TEXT] * 20}).encode()
    with served("--unread-s", str(UNREAD_S)) as service:
        await warm_up(service, body)
        files, memory = service.watched.num_files(), service.watched.resident_mib()
        for number in range(500):
            with service.connect() as connection:
                # This is half of a body, or a whole request whose response nobody reads.
                sent = body[: len(body) // 2] if number % 2 else body
                connection.sendall(head_of(len(body)) + sent)
        await until_idle(service, files)
        async with service.client() as client:
            assert (await client.post("/embed", json=REQUEST)).status_code == 200
        assert service.watched.resident_mib() < memory + GROWTH_MIB
        assert service.metric("bilm_queue_padded_pieces") == 0


async def test_slow_writers_and_readers_keep_nobody_waiting():
    big = json.dumps({"texts": [TEXT] * 100, "layers": "all"}).encode()  # the response has 20 MB
    patience = ["--body-s", str(DEADLINE_S), "--unread-s", str(UNREAD_S)]
    with served("--max-requests", "64", *patience) as service:
        await warm_up(service, big)
        files, memory = service.watched.num_files(), service.watched.resident_mib()
        writers = [service.connect() for _ in range(20)]
        readers = [service.connect() for _ in range(4)]
        for writer in writers:
            writer.sendall(head_of(1000) + b'{"texts"')
        for reader in readers:
            reader.sendall(head_of(len(big)) + big)
        async with service.client() as client:
            for _ in range(10):
                began = time.monotonic()
                answer = await client.post("/embed", json=REQUEST)
                assert answer.status_code in (200, 429)
                assert time.monotonic() - began < DEADLINE_S
        for writer in writers:  # whoever does not finish a request in time is told so
            assert writer.recv(64).startswith(b"HTTP/1.1 408")
        await until_idle(service, files)  # nobody has closed anything on this side
        assert service.watched.resident_mib() < memory + GROWTH_MIB
        for connection in (*writers, *readers):
            connection.close()


async def test_sigterm_under_load_loses_nothing_that_was_accepted():
    answered = Counter()

    async def ask(client):
        while True:
            await anyio.sleep(random.uniform(0, 0.2))
            try:
                answered[(await client.post("/embed", json=REQUEST)).status_code] += 1
            except httpx.TransportError:  # the process accepts no more connections
                return

    with served() as service:
        async with service.client() as client, anyio.create_task_group() as load:
            for _ in range(40):
                load.start_soon(ask, client)
            await anyio.sleep(3)
            service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(PATIENCE_S) == 0
        assert answered.keys() <= {200, 429, 503}
        assert answered[200] > 10
        assert service.requests(200) == answered[200]
        assert service.requests(0) == service.requests(500) == 0
