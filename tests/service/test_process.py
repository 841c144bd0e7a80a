"""Test a real process on a free port of the loopback, from its start to SIGTERM."""

import json
import signal
import socket
from http.client import HTTPResponse

import pytest

from benchmarks.processes import HOST, PATIENCE_S, READY, SERVICE, running

BODY = json.dumps({"texts": ["我在用苹果手机，昨天吃了一个苹果。" * 2] * 200, "level": "text"})


def begin_request(port):
    """Return a connection whose request the app has admitted and whose body it waits for."""
    connection = socket.create_connection((HOST, port), timeout=PATIENCE_S)
    head = (
        "POST /embed HTTP/1.1\r\nhost: service\r\ncontent-type: application/json\r\n"
        f"content-length: {len(BODY)}\r\nexpect: 100-continue\r\n\r\n"
    )
    connection.sendall(head.encode())
    # uvicorn sends this when the route reads the body, so the request has been admitted.
    assert connection.recv(64).startswith(b"HTTP/1.1 100 ")
    return connection


@pytest.mark.long
def test_a_request_in_flight_at_sigterm_is_answered_and_the_process_exits_0(artifact_folder):
    with running(
        *SERVICE, "--model", str(artifact_folder), "--threads", "1", "--lame-duck-s", "0"
    ) as server:
        server.wait_for(READY)

        with begin_request(server.port) as connection:
            server.process.send_signal(signal.SIGTERM)
            server.wait_for('"event":"Shutting down"')
            connection.sendall(BODY.encode())
            answer = HTTPResponse(connection)
            answer.begin()
            assert answer.status == 200
            assert len(json.loads(answer.read())["data"]) == 200

        assert server.process.wait(PATIENCE_S) == 0
