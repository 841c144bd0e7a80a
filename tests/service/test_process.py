"""A real process on a free port of the loopback, from start to SIGTERM."""

import json
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path

from tests.service.serving import PATIENCE_S

ROOT = Path(__file__).parents[2]
BODY = json.dumps({"texts": ["我在用苹果手机，昨天吃了一个苹果。" * 2] * 200, "level": "text"})


@contextmanager
def running(*arguments):
    """A process whose stderr can be read; killed if the test leaves it alive."""
    command = [sys.executable, "-m", "service", "--host", "127.0.0.1", "--port", "0", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process, pattern):
    """The first match of a pattern in an event of the log."""
    for line in process.stderr:
        if found := re.search(pattern, json.loads(line)["event"]):
            return found
    raise AssertionError(f"the process ended before it logged {pattern}")


def begin_request(port):
    """A connection whose request the app has accepted and whose body it waits for."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    head = (
        "POST /embed HTTP/1.1\r\nhost: service\r\ncontent-type: application/json\r\n"
        f"content-length: {len(BODY)}\r\nexpect: 100-continue\r\n\r\n"
    )
    connection.sendall(head.encode())
    # uvicorn sends it when the route asks for the body, hence after it was admitted.
    assert connection.recv(64).startswith(b"HTTP/1.1 100 ")
    return connection


def test_a_request_in_flight_at_sigterm_is_answered_and_the_process_exits_0(artifact_folder):
    with running("--model", str(artifact_folder), "--threads", "1") as process:
        port = int(read_until(process, r"running on http://127\.0\.0\.1:(\d+)").group(1))
        read_until(process, "^ready$")

        with begin_request(port) as connection:
            process.send_signal(signal.SIGTERM)
            read_until(process, "^Shutting down$")
            connection.sendall(BODY.encode())
            answer = HTTPResponse(connection)
            answer.begin()
            assert answer.status == 200
            assert len(json.loads(answer.read())["data"]) == 200

        assert process.wait(PATIENCE_S) == 0
