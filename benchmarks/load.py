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

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


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


async def closed_loop(port: int, requests: Sequence[bytes], clients: int, seconds: float) -> Load:
    """Ask with so many clients, each in its own order."""
    load, ends = Load(seconds), time.perf_counter() + seconds

    async def client(number: int) -> None:
        connection = await asyncio.open_connection(HOST, port)
        while (began := time.perf_counter()) < ends:
            number += 1
            await ask(connection, requests[number % len(requests)], began, load)
        connection[1].close()

    began = time.perf_counter()
    await asyncio.gather(*(client(number * 97) for number in range(clients)))
    load.seconds = time.perf_counter() - began
    return load


async def open_loop(port: int, requests: Sequence[bytes], rate: float, seconds: float) -> Load:
    """Ask at a rate, over as many connections as it takes."""
    load, free = Load(seconds), list[Connection]()

    async def one(number: int, due: float) -> None:
        connection = free.pop() if free else await asyncio.open_connection(HOST, port)
        await ask(connection, requests[number % len(requests)], due, load)
        free.append(connection)

    began, waiting = time.perf_counter(), []
    for number in range(int(rate * seconds)):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        waiting.append(asyncio.create_task(one(number, due)))
    await asyncio.gather(*waiting)
    for _, writer in free:
        writer.close()
    return load


async def ask(connection: Connection, request: bytes, began: float, load: Load) -> None:
    """Send one request and note what came of it, and when since `began`."""
    reader, writer = connection
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length))
    load.statuses[status] += 1
    if status == 200:
        load.latencies.append(time.perf_counter() - began)
