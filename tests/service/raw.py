"""A client that sends what no HTTP client would, and reads answers one by one."""

import errno
import json
import socket
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.live import PATIENCE_S

HOST = b"host: service\r\n"
LIVEZ = b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n"
BODY = json.dumps({"texts": "苹果"}).encode()


@dataclass(frozen=True)
class Answer:
    """A response: its status, headers by lower-case name, and body."""

    status: int
    headers: dict
    body: bytes

    @property
    def code(self):
        """The code of a refusal."""
        return json.loads(self.body)["error"]["code"]

    @property
    def is_last(self):
        """Whether it says that the connection ends."""
        return self.headers.get("connection") == "close"


class Raw:
    """One connection to a service."""

    def __init__(self, port, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE_S)
        # It may have been reset before this call looks at it; what is read later shows that.
        with suppress(ConnectionResetError):
            self.socket.connect(("127.0.0.1", port))
        self._file = self.socket.makefile("rb")

    def send(self, *parts):
        """Send bytes."""
        if sent := b"".join(parts):
            self.socket.sendall(sent)

    def answer(self, is_of_head=False):
        """The next answer; a status of 0 if the connection ends before one begins.

        The answer to a request of the method HEAD has no body, whatever length it tells.
        """
        line = self._file.readline()
        if not line:
            return Answer(0, {}, b"")
        headers = {}
        while (header := self._file.readline()) not in (b"\r\n", b""):
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        status = int(line.split()[1])
        length = 0 if status == 100 or is_of_head else int(headers["content-length"])
        return Answer(status, headers, self._file.read(length))

    def ask(self, *parts):
        """Send bytes and return the answer."""
        self.send(*parts)
        return self.answer()

    def rest(self):
        """All bytes until the other side ends the connection."""
        return self._file.read()

    def is_closed(self):
        """Whether the other side has closed or reset it, without another byte; waits for that."""
        try:
            return self.socket.recv(1) == b""
        except OSError as error:
            return error.errno in (errno.ECONNRESET, errno.ENOTCONN)

    def close(self):
        """Close it."""
        self._file.close()
        self.socket.close()


@contextmanager
def connected(server, **options):
    """A connection to a service in this process."""
    raw = Raw(server.port, **options)
    try:
        yield raw
    finally:
        raw.close()


def post(body=BODY, path=b"/tokenize", headers=b""):
    """The bytes of a request with a body of a declared length."""
    length = b"content-length: %d\r\n\r\n" % len(body)
    return b"POST " + path + b" HTTP/1.1\r\n" + HOST + headers + length + body


def chunked(*chunks, path=b"/tokenize", trailers=b""):
    """The bytes of a request with a chunked body."""
    head = b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n"
    written = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head + written + b"0\r\n" + trailers + b"\r\n"
