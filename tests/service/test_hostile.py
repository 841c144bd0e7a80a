"""A real process and clients that mean it harm: memory, descriptors and queues come back.

Each test is what one of the experiments showed that these limits were made for.
"""

import json
import resource
import signal
import socket
import urllib.request
from contextlib import contextmanager
from functools import partial

import pytest

from benchmarks.processes import HOST, READY, SERVICE, running
from tests.live import PATIENCE_S
from tests.service.raw import BODY, LIVEZ, Raw, connected, post
from tests.service.watched import MIB, Watched, wait_until

pytestmark = [pytest.mark.long, pytest.mark.alone]

SHORT_S = 1  # whatever a client may take here
GROWTH_MIB = 60
ATE = "我吃了一个苹果"
LARGE = {"texts": ATE * 300, "level": "char", "layers": "all", "encoding": "json"}  # 1.8 MB


@contextmanager
def hostile_to(folder, *arguments, **options):
    limits = ["--head-s", str(SHORT_S), "--body-s", str(SHORT_S), "--unread-s", str(SHORT_S)]
    command = [*SERVICE, "--model", str(folder), "--threads", "1", *limits, *arguments]
    with running(*command, **options) as server:
        server.wait_for(READY)
        server.watched = Watched(server.process.pid, server.port)
        yield server


@pytest.fixture(scope="module")
def server(artifact_folder):
    """A service with little patience, that has been asked everything once."""
    with hostile_to(artifact_folder) as server:
        with connected(server) as raw:
            for request in (post(), embed(LARGE), LIVEZ):
                assert raw.ask(request).status == 200
        yield server


@pytest.fixture
def unharmed(server):
    """That memory, descriptors and queues are at the end as they were, and somebody is answered."""
    watched = server.watched
    memory, files = watched.resident_mib(), watched.num_files()
    yield watched
    with connected(server) as raw:
        assert raw.ask(embed({"texts": ATE})).status == 200
    wait_until(lambda: watched.num_files() <= files + 2, f"{files} descriptors again")
    wait_until(lambda: watched.unsent_bytes() == 0, "nothing unsent")  # a FIN counts for one
    assert watched.resident_mib() < memory + GROWTH_MIB
    for gauge in ("bilm_held_bytes", "bilm_requests_in_progress"):
        wait_until(lambda gauge=gauge: metric(server, gauge) == 0, f"{gauge} 0 again")


def embed(fields, headers=b""):
    return post(json.dumps(fields).encode(), b"/embed", headers)


def metric(server, name):
    page = urllib.request.urlopen(f"{server.url}/metrics", timeout=PATIENCE_S).read().decode()
    return next(float(line.split()[1]) for line in page.splitlines() if line.startswith(f"{name} "))


def answer_to_another(server):
    with connected(server) as raw:
        return raw.ask(embed({"texts": ATE})).status


@contextmanager
def many(server, number, *parts, **options):
    crowd = [Raw(server.port, **options) for _ in range(number)]
    try:
        for one in crowd:
            one.send(*parts)
        yield crowd
    finally:
        for one in crowd:
            one.close()


def push(raw, block, num_bytes):
    """Send a block again and again, until enough is sent or nothing is taken for a while."""
    raw.socket.settimeout(SHORT_S / 2)
    sent = 0
    try:
        while sent < num_bytes:
            sent += raw.socket.send(block[sent % len(block) :])
    except OSError:  # it does not read any more, or has reset
        pass
    raw.socket.settimeout(PATIENCE_S)


def test_bodies_that_are_begun_keep_nobody_out(server, unharmed):
    head = post(BODY.ljust(1000), b"/embed")[: -1000 + 1]
    with many(server, 512, head) as crowd:
        assert metric(server, "bilm_requests_in_progress") == 0
        assert answer_to_another(server) == 200
        assert {one.answer().status for one in crowd} == {408}


def test_bodies_that_are_announced_hold_nothing(server, unharmed):
    head = b"POST /embed HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
    with many(server, 128, head) as crowd:
        assert metric(server, "bilm_held_bytes") == 0
        assert answer_to_another(server) == 200
        assert {one.answer().status for one in crowd} == {408}


@pytest.mark.parametrize(
    "block",
    [b"a" * MIB, b"".join(b"x%d: 1\r\n" % number for number in range(100_000))],
    ids=["one header", "many headers"],
)
def test_a_head_of_48_mib_is_refused_and_costs_no_memory(server, unharmed, block):
    with connected(server) as raw:
        before = unharmed.resident_mib()
        raw.send(b"GET /livez HTTP/1.1\r\nhost: a\r\nx: ")
        push(raw, block, 48 * MIB)
        assert unharmed.resident_mib() < before + GROWTH_MIB
        assert raw.answer().status in (431, 0)  # 0: it was reset before the answer was read
        wait_until(lambda: metric(server, "bilm_connections") == 1, "it is closed")


def test_pipelined_requests_cost_no_memory(server, unharmed):
    with connected(server, receive_buffer=4096) as raw:
        before = unharmed.resident_mib()
        push(raw, LIVEZ * 8192, 6 * MIB)
        assert unharmed.resident_mib() < before + GROWTH_MIB
        wait_until(lambda: metric(server, "bilm_connections") == 1, "it is closed")


@pytest.mark.parametrize("number", [1, 40])
def test_answers_that_nobody_reads_are_taken_back(server, unharmed, number):
    small = LARGE | {"texts": ATE * 38}
    sent = embed(LARGE) if number == 1 else embed(small) * number
    with many(server, 20, sent, receive_buffer=4096):
        wait_until(lambda: unharmed.unsent_bytes() > 0, "it has something to send")
        assert unharmed.unsent_bytes() < 20 * MIB / 2
        wait_until(lambda: metric(server, "bilm_connections") == 1, "all are reset")


def test_a_thousand_silent_connections_go_by_themselves(server, unharmed):
    with many(server, 1000) as crowd:
        assert answer_to_another(server) == 200
        assert all(one.is_closed() for one in crowd)


@pytest.mark.parametrize("hard", [256, 4096])
def test_few_descriptors_leave_room_for_probes(artifact_folder, hard):
    limit = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (256, hard))
    with hostile_to(artifact_folder, preexec_fn=limit) as server, many(server, 250) as crowd:
        assert ("max_connections needs" in server.log()) == (hard == 256)
        for path in (b"livez", b"readyz"):
            with connected(server) as raw:
                assert raw.ask(LIVEZ.replace(b"livez", path)).status == 200
        assert all(one.is_closed() for one in crowd)
        assert answer_to_another(server) == 200


def test_a_signal_finds_an_end_beside_clients_that_do_not_read(artifact_folder):
    times = ["--lame-duck-s", "0", "--drain-s", "10"]
    unread = {"receive_buffer": 4096}
    with (
        hostile_to(artifact_folder, *times) as server,
        many(server, 10, embed(LARGE), **unread),
    ):
        wait_until(lambda: server.watched.unsent_bytes() > 0, "it has something to send")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE_S) == 0
        assert "Traceback" not in server.log()
        assert "Cancel " not in server.log()  # uvicorn's word for tasks that it gives up


def test_the_port_is_free_at_once_for_the_next(artifact_folder):
    with hostile_to(artifact_folder, "--lame-duck-s", "0") as server:
        with connected(server) as raw:
            assert raw.ask(LIVEZ).status == 200
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(PATIENCE_S) == 0
        with socket.create_server((HOST, server.port)):
            pass
