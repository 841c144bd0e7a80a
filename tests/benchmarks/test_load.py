"""Answers as a server may cut them, and what the load says came of them."""

import asyncio
import socket
import threading
from collections import Counter

import pytest

from benchmarks.load import closed_loop, open_loop, post

pytestmark = pytest.mark.long

HEAD = b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n"
CUTS = {
    "at once": lambda answer: [answer],
    "byte by byte": lambda answer: [answer[n : n + 1] for n in range(len(answer))],
    "after the head": lambda answer: [*answer.partition(b"\r\n\r\n")],
}


async def answered(parts_of, load):
    """Return what `load` measures of a server that cuts responses and refuses some requests."""
    seen = []

    async def serve(reader, writer):
        while request := await reader.readline():
            head = request + await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            seen.append(await reader.readexactly(int(length)))
            status, body = (429, b"") if len(seen) % 3 == 0 else (200, b"x" * 100)
            for part in parts_of(HEAD % (status, len(body)) + body):
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        found = await load(server.sockets[0].getsockname()[1])
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
    return found, seen


@pytest.mark.parametrize("cut", CUTS)
def test_an_open_loop_asks_all_and_counts_every_answer_however_it_is_cut(cut):
    requests = [post("/embed", {"n": number}) for number in range(5)]
    load, seen = asyncio.run(
        answered(CUTS[cut], lambda port: open_loop(port, requests, rate=100, seconds=0.3))
    )
    assert Counter(seen) == {b'{"n": %d}' % number: 6 for number in range(5)}
    assert load.statuses == {200: 20, 429: 10}
    assert len(load.latencies) == 20


def test_a_closed_loop_asks_again_once_it_is_answered():
    requests = [post("/embed", {"n": number}) for number in range(5)]
    load, seen = asyncio.run(
        answered(CUTS["at once"], lambda port: closed_loop(port, requests, 3, seconds=0.5))
    )
    assert sum(load.statuses.values()) == len(seen) > 3
    assert load.statuses[429] == len(seen) // 3
    assert load.statuses[200] == len(load.latencies)
    assert all(0 < seconds <= load.seconds for seconds in load.latencies)


def test_a_server_that_hangs_up_is_told():
    def serve():
        connection, _ = listening.accept()
        with connection:
            connection.recv(1024)
            connection.sendall(HEAD % (200, 100) + b"half of it")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=serve)
        server.start()
        port = listening.getsockname()[1]
        with pytest.raises(ConnectionResetError, match="the server hung up"):
            asyncio.run(closed_loop(port, [post("/embed", {})], 1, seconds=5))
        server.join()
