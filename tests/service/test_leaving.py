"""How a process ends: in order on a first signal, at once on a second, and before it is ready."""

import json
import logging
import signal
import socket
import subprocess
import sys
import time
from time import monotonic

import anyio
import pytest

from benchmarks.processes import HOST, READY, SERVICE, running
from service.address import take_address
from service.environment import load_settings
from service.errors import AddressError, SettingsError
from service.server import COULD_NOT_START, Server
from service.settings import CLOSING_S, MIN_FINISHING_S
from tests.live import PATIENCE_S, served
from tests.service.raw import LIVEZ, connected, post
from tests.service.serving import error_of, serving, settings_of

ATE = "我吃了一个苹果"
READYZ = LIVEZ.replace(b"livez", b"readyz")
LAME_DUCK_S = 0.6
LARGE = json.dumps({"texts": ATE * 300, "level": "char", "layers": "all", "encoding": "json"})


@pytest.fixture
def leaving(artifact_folder):
    """A service that has had its signal, a connection from before, and when that was."""
    with (
        served(artifact_folder, lame_duck_s=LAME_DUCK_S) as server,
        connected(server) as before,
    ):
        assert before.ask(READYZ).status == 200
        server.handle_exit(signal.SIGTERM, None)
        began = monotonic()
        while not server.runtime.is_leaving:
            assert monotonic() < began + PATIENCE_S
            time.sleep(0.001)
        yield server, before, began


def is_listening(port):
    """Whether a port of this machine takes a connection."""
    with socket.socket() as one:
        return one.connect_ex((HOST, port)) == 0


# A first signal.


def test_for_a_while_the_port_is_open_and_only_readiness_says_no(leaving):
    server, _, began = leaving
    asked = 0
    while monotonic() < began + LAME_DUCK_S - 0.3:
        with connected(server) as ready, connected(server) as live, connected(server) as text:
            answer = ready.ask(READYZ)
            assert (answer.status, answer.code) == (503, "draining")
            assert answer.headers["retry-after"]
            answers = [answer, live.ask(LIVEZ), text.ask(post(path=b"/embed"))]
            assert [one.status for one in answers] == [503, 200, 200]
            assert all(one.is_last for one in answers)
        asked += 1
    assert asked > 1


def test_a_connection_from_before_gets_its_last_answer(leaving):
    _, before, _ = leaving
    answer = before.ask(post(path=b"/embed"))
    assert (answer.status, answer.is_last) == (200, True)
    assert before.is_closed()


def test_a_connection_that_is_not_used_is_closed_when_the_port_is(leaving):
    server, before, began = leaving
    assert before.is_closed()
    assert monotonic() - began >= LAME_DUCK_S
    while is_listening(server.port):  # the port closes at about the same time
        assert monotonic() < began + PATIENCE_S


def test_a_body_that_is_on_its_way_is_waited_for_and_answered(artifact_folder):
    with served(artifact_folder, lame_duck_s=0) as server, connected(server) as raw:
        request = post(path=b"/embed", headers=b"expect: 100-continue\r\n")
        head, _, body = request.partition(b"\r\n\r\n")
        assert raw.ask(head, b"\r\n\r\n").status == 100
        server.handle_exit(signal.SIGTERM, None)
        while not server.runtime.is_draining:
            time.sleep(0.001)
        answer = raw.ask(body)
        assert (answer.status, answer.is_last) == (200, True)


@pytest.mark.anyio
@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
async def test_a_request_that_takes_too_long_for_the_end_is_refused(
    artifact_folder, load_held, gate, accept
):
    async with serving(settings_of(artifact_folder), load_held) as client:

        async def leave():
            await gate.wait_until_entered()
            client.runtime.leave(monotonic() + 0.05)

        with anyio.fail_after(20):  # sooner than deadline_s
            async with anyio.create_task_group() as group:
                group.start_soon(leave)
                request = {"texts": [ATE]}
                answer = await client.post("/embed", json=request, headers={"accept": accept})
        gate.is_open.set()
    if accept == "application/json":
        error_of(answer, 503, "draining")
        assert answer.headers["retry-after"]
    else:
        assert json.loads(answer.text.splitlines()[-1])["error"]["code"] == "draining"


def test_an_answer_that_nobody_reads_does_not_keep_the_process(artifact_folder):
    drain_s = MIN_FINISHING_S + CLOSING_S
    with (
        served(artifact_folder, lame_duck_s=0, drain_s=drain_s) as server,
        connected(server, receive_buffer=4096) as raw,
    ):
        raw.send(post(LARGE.encode(), b"/embed"))
        while not server.runtime.byte_budget.bytes:
            time.sleep(0.01)
        server.handle_exit(signal.SIGTERM, None)
        began = monotonic()
        while server.server_state.connections:
            assert monotonic() - began < drain_s
            time.sleep(0.01)


def test_too_short_a_drain_is_refused():
    with pytest.raises(SettingsError, match=r"drain_s is 9.0 and lame_duck_s is 5.0.*at least 10"):
        load_settings({"drain_s": "9"})
    assert load_settings({"drain_s": "10"}).lame_duck_s == 5


# A second signal.


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_at_once_whatever_is_on_its_way(artifact_folder, sig):
    with running(*SERVICE, "--model", str(artifact_folder), "--threads", "1") as server:
        server.wait_for(READY)
        with connected(server, receive_buffer=4096) as raw:
            raw.send(post(LARGE.encode(), b"/embed") * 3)
            server.process.send_signal(sig)
            server.wait_for('"event":"leaving"')
            began = monotonic()
            server.process.send_signal(sig)
            assert server.process.wait(PATIENCE_S) == 128 + sig
            assert monotonic() - began < 1  # what is promised


# Ends before it is ready.


def start(*arguments):
    """Run the service until it ends; return its status and what it wrote."""
    command = [*SERVICE, *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    return run.returncode, run.stderr


def test_a_port_that_is_taken_is_named():
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(AddressError, match=rf"{HOST} port {port} \(Address already in use\)"):
            take_address(HOST, port)
        status, written = start("--port", str(port))
    assert status == COULD_NOT_START
    assert written.splitlines()[-1].startswith(f"service: cannot listen on {HOST} port {port}")
    assert "Traceback" not in written


@pytest.mark.parametrize(
    ("given", "lines"), [([], 1), (["--deadline-s", "16"], 0), (["--lame-duck-s", "6"], 1)]
)
def test_the_start_says_once_where_a_late_request_has_less_than_its_deadline(given, lines):
    # The port is taken, so the process ends after it has logged its settings.
    with socket.create_server((HOST, 0)) as other:
        _, written = start("--port", str(other.getsockname()[1]), *given)
    finishing_s = 15 if "--lame-duck-s" in given else 16
    assert written.count(f"may have {finishing_s} s instead of deadline_s = 30 s") == lines
    assert written.count("instead of deadline_s") == lines


@pytest.mark.parametrize("host", ["no.such.host.invalid", "unix:/tmp/x.sock", "192.0.2.1"])
def test_a_host_that_is_not_here_is_named(host):
    with pytest.raises(AddressError, match=host.replace(".", r"\.")):
        take_address(host, 0)


def test_all_addresses_of_a_host_get_one_port():
    sockets = take_address("localhost", 0)
    assert len({one.getsockname()[1] for one in sockets}) == 1
    for one in sockets:
        one.close()


IMPORTING, LOADING = '"event":"settings"', "running on http"


@pytest.mark.parametrize(
    ("sig", "moment"),
    [
        (signal.SIGINT, IMPORTING),
        pytest.param(signal.SIGTERM, LOADING, marks=pytest.mark.long),
        pytest.param(signal.SIGTERM, IMPORTING, marks=pytest.mark.long),
        pytest.param(signal.SIGINT, LOADING, marks=pytest.mark.long),
    ],
)
def test_a_signal_before_it_is_ready_ends_it_in_order(sig, moment):
    with running(*SERVICE, "--threads", "1") as server:  # the shipped model loads for seconds
        server.wait_for(moment)
        server.process.send_signal(sig)
        assert server.process.wait(PATIENCE_S) == 0
        assert "Traceback" not in server.log()
        assert "terminate called" not in server.log()


def test_a_model_that_does_not_load_in_time_ends_the_process(artifact_folder, caplog):
    flags = {"model": str(artifact_folder), "port": "0", "start_s": "0.001"}
    caplog.set_level(logging.INFO)
    assert Server(load_settings(flags)).serve_until_signal() == COULD_NOT_START
    assert "not loaded within start_s = 0.001 s" in caplog.text


# PyDLL calls C without letting go of the interpreter, as an extension module that hangs does.
HANGING = """
import ctypes, sys
class Hang:
    def find_spec(self, name, path=None, target=None):
        if name == "service.server":
            ctypes.PyDLL(None).sleep(600)
sys.meta_path.insert(0, Hang())
from service.__main__ import main
main(["--port", "0", "--start-s", "0.5", "--lame-duck-s", "0", "--drain-s", "5"])
"""


@pytest.mark.long
def test_a_start_in_which_python_hangs_ends_the_process_and_shows_where():
    command = [sys.executable, "-c", HANGING]
    run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert run.returncode == COULD_NOT_START
    assert "Timeout (0:00:05.5" in run.stderr
    assert "in find_spec" in run.stderr
