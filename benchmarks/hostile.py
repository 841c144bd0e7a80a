"""Misuse a server without pause, in each of the ways that its limits guard against.

Each act opens a connection of its own, sends something harmful or half of a request, and leaves the
connection as it is for some seconds. Nobody reads what the server sends.
"""

import random
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress

from benchmarks.load import post
from benchmarks.processes import HOST

# An act begins this often, and as many connections are open at a time as begin in LEFT_S.
EVERY_S, LEFT_S = 0.2, 10.0
RECEIVE_BYTES = 4096
HEAD = b"POST /embed HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
TEXT = "我在用苹果手机，昨天吃了一个苹果。"


def nothing(chance: random.Random) -> bytes:
    """Send nothing."""
    return b""


def half_a_head(chance: random.Random) -> bytes:
    """Begin a head."""
    return HEAD[: chance.randint(1, len(HEAD))]


def half_a_body(chance: random.Random) -> bytes:
    """Announce a body of a megabyte and send some of it."""
    return HEAD + b"Content-Length: 1000000\r\n\r\n" + b" " * chance.randint(0, 100_000)


def no_http(chance: random.Random) -> bytes:
    """Send bytes that are not a request."""
    return chance.randbytes(chance.randint(1, 5000))


def a_huge_head(chance: random.Random) -> bytes:
    """Send a head of a megabyte."""
    return HEAD + b"X: " + b"x" * 1_000_000


def characters_that_expand(chance: random.Random) -> bytes:
    """Send characters that the normaliser makes 18 times as long."""
    return post("/embed", {"texts": "\ufdfa" * chance.randint(1, 20_000), "level": "text"})


def a_large_answer(chance: random.Random) -> bytes:
    """Request megabytes, as numbers or as bytes."""
    encoding = chance.choice(["json", "base64"])
    return post("/embed", {"texts": [TEXT * 5] * 4, "layers": "all", "encoding": encoding})


def many_at_once(chance: random.Random) -> bytes:
    """Send many requests before the first response."""
    return post("/embed", {"texts": TEXT}) * 40


def a_search(chance: random.Random) -> bytes:
    """Request a search."""
    return post("/complete", {"text": TEXT, "strategy": "beam", "num_beams": 8, "max_pieces": 50})


def nested_json(chance: random.Random) -> bytes:
    """Send lists in lists in lists."""
    content = b"[" * 100_000
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(content) + content


def repeated_keys(chance: random.Random) -> bytes:
    """Send an object with many keys, each of them twice."""
    keys = ", ".join(f'"{number % 10_000}": 0' for number in range(20_000))
    content = f"{{{keys}}}".encode()
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(content) + content


ACTS: tuple[Callable[[random.Random], bytes], ...] = (
    nothing,
    half_a_head,
    half_a_body,
    no_http,
    a_huge_head,
    characters_that_expand,
    a_large_answer,
    many_at_once,
    a_search,
    nested_json,
    repeated_keys,
)


class Hostile:
    """A thread that acts until it is stopped, and that can be paused.

    Args:
        port: The port of the server.

    Attributes:
        acts: How often each act was done.
    """

    def __init__(self, port: int) -> None:
        self.acts: Counter[str] = Counter()
        self._port = port
        self._is_over = threading.Event()
        self._lock = threading.Lock()  # held while the thread acts, and over a pause
        self._thread = threading.Thread(target=self._act, daemon=True)
        self._open: deque[socket.socket] = deque()
        self._thread.start()

    def pause(self) -> None:
        """Close all connections and begin no act."""
        self._lock.acquire()
        while self._open:
            self._open.popleft().close()

    def go_on(self) -> None:
        """Act again."""
        self._lock.release()

    def stop(self) -> None:
        """End the thread."""
        self._is_over.set()
        self._thread.join()

    def _act(self) -> None:
        chance = random.Random(0)
        while not self._is_over.is_set():
            time.sleep(EVERY_S)
            with self._lock:
                act = chance.choice(ACTS)
                self._open.append(self._sent(act(chance)))
                self.acts[act.__name__] += 1
                if len(self._open) > LEFT_S / EVERY_S:
                    self._open.popleft().close()

    def _sent(self, content: bytes) -> socket.socket:
        """Open a connection, send as much as the server takes at once, and return it."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        connection.settimeout(EVERY_S)
        with suppress(OSError):  # the server may end the connection, or take nothing more
            connection.connect((HOST, self._port))
            connection.sendall(content)
        return connection
