"""Clients that ask a server over bare connections, so that asking costs little beside answering.

Closed loop: so many clients, each asks again when it is answered; what they reach is the capacity.
Open loop: requests arrive at a rate, whether or not the last one is answered, and a latency counts
from the moment a request was due, or waiting in the client would be hidden.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.processes import HOST

RECEIVED_BYTES = 256 * 1024  # at most, by one call of the system
END_OF_HEAD = b"\r\n\r\n"


@dataclass
class Load:
    """What came of it: the status of every answer, and the seconds each took."""

    seconds: float
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Requests answered with 200, a second."""
        return self.statuses[200] / self.seconds

    def quantiles(self) -> list[float]:
        """Milliseconds within which 50, 95 and 99 % of the 200s came."""
        return [1e3 * float(q) for q in np.quantile(self.latencies or [0.0], [0.5, 0.95, 0.99])]


def post(
    path: str,
    body: Mapping[str, object],
    accept: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """A request as it goes over the wire."""
    content = json.dumps(body).encode()
    more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
        f"Accept: {accept}\r\n{more}Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


class Connection(asyncio.BufferedProtocol):
    """A connection that counts what comes and keeps none of it, as a client in C would.

    asyncio's streams copy every answer three times, on cores that the server could use.
    """

    def __init__(self) -> None:
        self._room = bytearray(RECEIVED_BYTES)
        self._head = b""
        self._left = 0  # bytes of the body still to come
        self._status: asyncio.Future[int] | None = None  # of the request that is under way

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what is written to."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:
        """The same room for all that comes."""
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        """Look for the end of the head, then count down to the end of the answer."""
        if self._left:
            self._left -= nbytes
        else:
            self._head += self._room[:nbytes]
            head, end, body = self._head.partition(END_OF_HEAD)
            if not end:
                return
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            self._left = int(length) - len(body)
        if not self._left:
            assert self._status is not None, "an answer that nobody asked for"
            self._status.set_result(int(self._head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the one who waits."""
        if self._status and not self._status.done():
            self._status.set_exception(exc or ConnectionResetError("the server hung up"))

    async def ask(self, request: bytes) -> int:
        """Send one request; return the status once the whole answer is there.

        Raises:
            ConnectionError: the server has hung up.
        """
        if self._transport.is_closing():
            raise ConnectionResetError("the server hung up")
        self._head, self._status = b"", asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._status

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


async def connect(port: int) -> Connection:
    """A new connection to a server of this machine."""
    _, connection = await asyncio.get_running_loop().create_connection(Connection, HOST, port)
    return connection


async def closed_loop(port: int, requests: Sequence[bytes], clients: int, seconds: float) -> Load:
    """Ask with so many clients, each in its own order."""
    load, ends = Load(seconds), time.perf_counter() + seconds

    async def client(number: int) -> None:
        connection = await connect(port)
        while (began := time.perf_counter()) < ends:
            number += 1
            await ask(connection, requests[number % len(requests)], began, load)
        connection.close()

    began = time.perf_counter()
    await asyncio.gather(*(client(number * 97) for number in range(clients)))
    load.seconds = time.perf_counter() - began
    return load


async def open_loop(port: int, requests: Sequence[bytes], rate: float, seconds: float) -> Load:
    """Ask at a rate, over as many connections as it takes."""
    load, free = Load(seconds), list[Connection]()

    async def one(number: int, due: float) -> None:
        connection = free.pop() if free else await connect(port)
        await ask(connection, requests[number % len(requests)], due, load)
        free.append(connection)

    began, waiting = time.perf_counter(), []
    for number in range(int(rate * seconds)):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        waiting.append(asyncio.create_task(one(number, due)))
    await asyncio.gather(*waiting)
    for connection in free:
        connection.close()
    return load


async def ask(connection: Connection, request: bytes, began: float, load: Load) -> None:
    """Send one request and note what came of it, and when since `began`."""
    status = await connection.ask(request)
    load.statuses[status] += 1
    if status == 200:
        load.latencies.append(time.perf_counter() - began)
