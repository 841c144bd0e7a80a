"""The log is JSON, line by line, and a stderr that nobody reads holds up nobody."""

import gc
import json
import logging
import os
import weakref
from contextlib import suppress
from time import monotonic

import httpx
import pytest

from service.log import MAX_WAITING, Written, fields
from tests.live import listening

PIPE_BYTES = 64 * 1024


@pytest.fixture
def pipe():
    """A log that is written to a pipe, and the end of the pipe to read from."""
    reading, writing = os.pipe()
    log = logging.Logger("log")
    with os.fdopen(reading, "r") as reader, os.fdopen(writing, "w") as writer:
        log.addHandler(Written(writer))
        yield log, reader
        os.set_blocking(reading, False)  # and let the thread come to its end
        while log.handlers[0].queue.unfinished_tasks:
            with suppress(BlockingIOError):
                os.read(reading, PIPE_BYTES)


def test_a_line_is_an_object_with_its_fields(pipe):
    log, reader = pipe
    log.info("answered %d", 7, extra=fields(path="/embed"))
    try:
        raise ValueError("broken")
    except ValueError:
        log.exception("a batch failed")
    first, second = json.loads(reader.readline()), json.loads(reader.readline())
    assert (first["event"], first["level"], first["path"]) == ("answered 7", "info", "/embed")
    assert first["time"].endswith("+00:00")
    assert "ValueError: broken" in second["traceback"]


def test_a_line_that_waits_keeps_no_request_alive(pipe):
    log, reader = pipe

    class Request:
        pass

    def fail(request):
        raise ValueError("broken")

    seen = weakref.ref(request := Request())
    for turn in range(PIPE_BYTES // 64):  # until the pipe is full
        log.info("%d", turn)
    try:
        fail(request)
    except ValueError:
        log.exception("a batch failed")
    del request
    gc.collect()
    assert seen() is None
    while (line := json.loads(reader.readline()))["event"] != "a batch failed":
        pass
    assert "ValueError: broken" in line["traceback"]


def test_who_does_not_read_holds_up_nobody_and_is_told_what_was_dropped(pipe):
    log, reader = pipe
    number = MAX_WAITING + 2 * PIPE_BYTES // 64
    begin = monotonic()
    for turn in range(number):
        log.info("%d", turn)
    log.handlers[0].flush()  # ends although nobody reads
    assert monotonic() - begin < 20

    found, dropped = [], 0
    while len(found) + dropped < number:
        event = json.loads(reader.readline())["event"]
        if event.isdigit():
            found.append(int(event))
        else:
            dropped += int(event.split()[0])
    assert dropped > 0
    assert found == sorted(found)
    assert found[0] == 0


def test_the_last_lines_are_written_before_the_end(pipe):
    log, reader = pipe
    for turn in range(100):
        log.info("%d", turn)
    log.handlers[0].flush()
    assert log.handlers[0].queue.unfinished_tasks == 0
    assert [json.loads(reader.readline())["event"] for _ in range(100)] == [*map(str, range(100))]


@pytest.mark.parametrize(
    ("proxies", "client"), [("127.0.0.0/8", "203.0.113.7"), ("198.51.100.1", "127.0.0.1")]
)
def test_the_log_has_the_address_that_a_trusted_proxy_names(
    artifact_folder, caplog, proxies, client
):
    caplog.set_level(logging.INFO, "service.middleware")
    with listening(artifact_folder, trusted_proxies=proxies) as url:
        headers = {"x-forwarded-for": "203.0.113.7"}
        assert httpx.get(f"{url}/info", headers=headers, trust_env=False).status_code == 200
    (request,) = [one.fields for one in caplog.records if one.getMessage() == "request"]
    assert request["client"] == client
