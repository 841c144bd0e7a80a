"""Clients that do not read their answers, or hardly: how long the service waits for them."""

import json
import logging
import time
import urllib.request

import pytest

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


def was_reset(raw, num_bytes=2**16, pause_s=0.0):
    """Read until the connection ends; return whether it was reset."""
    try:
        while raw.socket.recv(num_bytes):
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


def test_bytes_are_held_until_the_last_one_has_left(impatient):
    with connected(impatient, receive_buffer=4096) as raw:
        raw.send(embed(LARGE))
        wait_for(lambda: metric(impatient, "bilm_held_bytes") > 0)
        answer = raw.answer()
        assert len(json.loads(answer.body)["data"]) == 1
        wait_for(lambda: metric(impatient, "bilm_held_bytes") == 0)
        assert raw.ask(LIVEZ).status == 200


def test_a_client_that_reads_in_bites_is_served_whatever_it_takes(impatient):
    """Each pause is shorter than the patience, all together are longer."""
    with connected(impatient, receive_buffer=4096) as raw:
        raw.send(embed(LARGE))
        received, begin = 0, time.monotonic()
        while received < 1_500_000:
            received += len(raw.socket.recv(60_000))
            time.sleep(0.01)
        assert time.monotonic() - begin > 2 * UNREAD_S  # or this shows nothing


def test_a_client_that_reads_slower_than_the_least_rate_is_reset(artifact_folder):
    rate = {"unread_s": 0.5, "min_bytes_per_s": 2**20}
    with served(artifact_folder, **rate) as server, connected(server, receive_buffer=4096) as raw:
        raw.send(embed(LARGE | {"texts": [ATE * 600] * 2}))
        assert was_reset(raw, num_bytes=2048, pause_s=0.02)  # 100 kB/s
        assert metric(server, 'bilm_connections_cut_total{reason="unread"}') == 1


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
