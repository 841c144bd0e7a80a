"""Load a server with requests over bare connections, which cost little beside the responses.

In a closed loop, each of a number of clients sends its next request when it has its response; the
rate they reach is the capacity. In an open loop, requests arrive at a given rate, whether or not
earlier ones have been answered. A latency then counts from the moment when the request was due;
otherwise the time it waited in the client would be hidden.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.processes import HOST

# The most bytes that one system call receives.
RECEIVED_BYTES = 256 * 1024
END_OF_HEAD = b"\r\n\r\n"
SAFETENSORS = "application/vnd.safetensors"


@dataclass
class Load:
    """The result of a load: how often each status came, and the seconds of each 200."""

    seconds: float
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """The responses with status 200 per second."""
        return self.statuses[200] / self.seconds

    def quantiles(self) -> list[float]:
        """Return the milliseconds within which 50, 95 and 99 % of the 200s came."""
        return [1e3 * float(q) for q in np.quantile(self.latencies or [0.0], [0.5, 0.95, 0.99])]


def post(
    path: str,
    body: Mapping[str, object],
    accept: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """Return the bytes of a POST request."""
    content = json.dumps(body).encode()
    more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
        f"Accept: {accept}\r\n{more}Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


class Connection(asyncio.BufferedProtocol):
    """A connection that counts received bytes and keeps none of them, as a client in C would.

    asyncio's streams copy every response three times, on cores that the server could use.
    """

    def __init__(self) -> None:
        self._room = bytearray(RECEIVED_BYTES)
        self._head = b""
        self._left = 0  # bytes of the body still to come
        self._status: asyncio.Future[int] | None = None  # set by the response to the last request

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, to which requests are written."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:
        """Return the same buffer for everything that is received."""
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        """Look for the end of the head, then count down to the end of the body."""
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
            assert self._status is not None, "a response without a request; this is a bug"
            self._status.set_result(int(self._head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        """Raise the error in the request that is waiting for a response."""
        if self._status and not self._status.done():
            self._status.set_exception(exc or ConnectionResetError("the server hung up"))

    async def ask(self, request: bytes) -> int:
        """Send one request, and return its status once the whole response is there.

        Raises:
            ConnectionError: the server has closed the connection.
        """
        if self._transport.is_closing():
            raise ConnectionResetError("the server hung up")
        self._head, self._status = b"", asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._status

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()


async def connect(port: int) -> Connection:
    """Open a new connection to a server on this machine."""
    _, connection = await asyncio.get_running_loop().create_connection(Connection, HOST, port)
    return connection


async def closed_loop(port: int, requests: Sequence[bytes], clients: int, seconds: float) -> Load:
    """Send requests from a number of clients, each in its own order."""
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
    """Send requests at a rate, in requests a second, over as many connections as it takes."""
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
    """Send one request, and record its status and, for a 200, the seconds since `began`."""
    status = await connection.ask(request)
    load.statuses[status] += 1
    if status == 200:
        load.latencies.append(time.perf_counter() - began)
