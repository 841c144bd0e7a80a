"""Clients that do not read their answers, or hardly: how long the service waits for them."""

import asyncio
import json
import logging
import re
import socket
import time
import urllib.request

import pytest

from service.edge.delivery import Delivery
from service.edge.framing import EMPTY_LINE
from service.edge.transport import Outlet
from service.settings import Settings
from tests.live import PATIENCE_S, served
from tests.service.raw import LIVEZ, connected, post

ATE = "我吃了一个苹果"
UNREAD_S = 0.5
# Answers of 2 MB and of 240 kB; either is more than the system takes from one connection at once.
LARGE = {"texts": ATE * 300, "level": "char", "layers": "all", "encoding": "json"}
SMALL = LARGE | {"texts": ATE * 38}
NDJSON = b"accept: application/x-ndjson\r\n"


def embed(fields, headers=b""):
    return post(json.dumps(fields).encode(), b"/embed", headers)


@pytest.fixture(scope="module")
def impatient(artifact_folder):
    """A service that soon cuts off whoever does not read."""
    with served(artifact_folder, unread_s=UNREAD_S) as server:
        yield server


def metric(server, line):
    page = urllib.request.urlopen(f"{server.url}/metrics", timeout=PATIENCE_S).read().decode()
    return sum(float(found.split()[-1]) for found in page.splitlines() if found.startswith(line))


def wait_for(condition):
    """Wait until a condition holds; fail where it never does."""
    ends = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < ends, "it never does"
        time.sleep(0.02)


def was_reset(raw, num_bytes=2**16, pause_s=0.0, most_bytes=10**9):
    """Read until the connection ends, or so many bytes; return whether it was reset."""
    received = 0
    try:
        while received < most_bytes and (data := raw.socket.recv(num_bytes)):
            received += len(data)
            time.sleep(pause_s)
    except ConnectionResetError:
        return True
    return False


@pytest.mark.parametrize(
    "sent",
    [embed(LARGE), embed(LARGE, NDJSON), embed(SMALL) * 8, LIVEZ.replace(b"livez", b"x") * 1800],
    ids=["large", "lines", "small ones", "tiny ones"],
)
def test_a_client_that_does_not_read_is_reset_and_its_answer_not_delivered(impatient, sent, caplog):
    caplog.set_level(logging.DEBUG, "service.middleware")
    before = metric(impatient, 'bilm_connections_cut_total{reason="unread"}')
    with connected(impatient, receive_buffer=4096) as raw:
        raw.socket.setblocking(False)
        raw.socket.send(sent)
        cut = 'bilm_connections_cut_total{reason="unread"}'
        wait_for(lambda: metric(impatient, cut) == before + 1)
        raw.socket.settimeout(PATIENCE_S)
        assert was_reset(raw)  # and not only closed: the system has dropped its part, too
    wait_for(lambda: metric(impatient, "bilm_held_bytes") == 0)
    requests = [one.fields for one in caplog.records if one.getMessage() == "request"]
    assert 499 in [one["status"] for one in requests]


def test_bytes_are_held_until_the_last_one_has_left(artifact_folder):
    with served(artifact_folder) as server, connected(server, receive_buffer=4096) as raw:
        raw.send(embed(LARGE))
        head = raw.socket.recv(4096, socket.MSG_PEEK)
        length = len(head.partition(EMPTY_LINE)[0]) + len(EMPTY_LINE) + length_of(head)
        left = 300_000  # more than the system takes, and less than the app waits for
        received = read(raw, length - left)
        (one,) = server.server_state.connections
        wait_for(lambda: one.cycle.response_complete)
        assert server.runtime.byte_budget.bytes > 0
        received += read(raw, left)
        assert len(json.loads(received.partition(EMPTY_LINE)[2])["data"]) == 1
        wait_for(lambda: server.runtime.byte_budget.bytes == 0)
        assert raw.ask(LIVEZ).status == 200


def length_of(head):
    """The content length that a head declares."""
    return int(re.search(rb"content-length: (\d+)", head).group(1))


def read(raw, num_bytes):
    """Read so many bytes."""
    received = bytearray()
    while len(received) < num_bytes:
        received += raw.socket.recv(num_bytes - len(received))
    return bytes(received)


@pytest.mark.long
@pytest.mark.alone
def test_a_client_that_reads_in_bites_is_served_whatever_it_takes(impatient):
    """Each pause is shorter than the patience, all together are longer."""
    with connected(impatient, receive_buffer=4096) as raw:
        raw.send(embed(LARGE))
        received, begin = 0, time.monotonic()
        while received < 1_500_000:
            received += len(raw.socket.recv(60_000))
            time.sleep(0.01)
        assert time.monotonic() - begin > 2 * UNREAD_S  # or this shows nothing


@pytest.mark.long
@pytest.mark.alone
def test_a_client_that_reads_slower_than_the_least_rate_is_reset(artifact_folder):
    rate = {"unread_s": 1.0, "min_bytes_per_s": 2**20}
    with served(artifact_folder, **rate) as server, connected(server, receive_buffer=2**16) as raw:
        raw.send(embed(LARGE | {"texts": [ATE * 600] * 2}))  # 7 MB
        assert was_reset(raw, num_bytes=20_000, pause_s=0.1, most_bytes=2_000_000)
        assert metric(server, 'bilm_connections_cut_total{reason="unread"}') == 1


class Sink(asyncio.Transport):
    """A transport that sends as much as a test lets it."""

    def __init__(self):
        super().__init__()
        self.unsent = 0

    def write(self, data):
        """Buffer all of it."""
        self.unsent += len(data)

    def get_write_buffer_size(self):
        """Return what is buffered."""
        return self.unsent


def test_patience_is_for_a_client_that_stops_and_for_one_that_is_slow():
    settings = Settings.model_construct(unread_s=10.0, min_bytes_per_s=100)
    inner = Sink()
    outlet = Outlet(inner, on_close=lambda: None, patience_s=10.0)
    delivery = Delivery(outlet, settings)
    delivery.begin()
    assert not delivery.is_overdue(1000.0)  # nothing waits
    outlet.write(bytes(10_000))
    inner.unsent = 5_000
    assert not delivery.is_overdue(6.0)  # it has read half
    assert not delivery.is_overdue(6.0)
    assert delivery.is_overdue(6.0)  # it has read nothing for 12 s
    inner.unsent = 4_000
    assert not delivery.is_overdue(50.0)  # 68 s, and 70 are allowed for 6,000 bytes
    inner.unsent = 3_990
    assert delivery.is_overdue(5.0)  # 73 s, and 70.1 are allowed
    inner.unsent = 0
    assert not delivery.is_overdue(5.0)
    delivery.begin()
    outlet.write(bytes(10))
    assert not delivery.is_overdue(9.0)  # of another answer


def test_pauses_of_the_model_are_not_the_clients_fault(artifact_folder):
    with served(artifact_folder, unread_s=0.1) as server, connected(server) as raw:
        texts = [ATE * 15] * 200
        raw.send(embed({"texts": texts, "level": "text"}, NDJSON))
        line = raw.socket.recv(12)
        assert line == b"HTTP/1.1 200"
        received = b""
        while not received.endswith(b"0\r\n\r\n"):
            received += raw.socket.recv(2**16)
        assert received.count(b'"index"') == 200


def test_an_answer_that_was_taken_is_logged_as_such(impatient, caplog):
    caplog.set_level(logging.INFO, "service.middleware")
    with connected(impatient) as raw:
        assert raw.ask(embed(SMALL, b"connection: close\r\n")).status == 200
        assert raw.is_closed()
    wait_for(lambda: any(one.getMessage() == "request" for one in caplog.records))
    (line,) = [one.fields for one in caplog.records if one.getMessage() == "request"]
    assert line["status"] == 200
