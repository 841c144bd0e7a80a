"""One connection: uvicorn's HTTP protocol, with a bound on everything that a client may spend.

The base class parses and runs requests. This class decides which bytes it sees and when, how long
a client may take over each part, and how the connection ends. docs/decisions/0048 says why it is
built on httptools, and lists what it needs of uvicorn.
"""

import asyncio
import math
from enum import Enum, auto
from functools import partial
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ..errors import RequestError
from ..handover import hand_delivered, hand_path, hand_refusal
from ..probes import PROBES
from . import refusals
from .delivery import Delivery
from .door import CHECK_S, Door, Place
from .framing import Framing
from .transport import Outlet

# This is longer than the 60 s of a usual balancer, so the balancer closes first.
KEEP_ALIVE_S = 75.0
# A connection beyond the limit has this long for its probe: others wait for its place.
PROBE_HEAD_S = 2.0
# Up to this many bytes of further requests are kept while one is being answered.
AHEAD_BYTES = 64 * 1024
# The rest of a request that was refused is read up to these bounds. A client that is still sending
# when the connection closes often gets a reset instead of its answer.
LINGER_BYTES, LINGER_S = 64 * 1024 * 1024, 5.0
# The parser gets this request in place of one whose head is refused.
REFUSED_HEAD = b"GET / HTTP/1.0\r\n\r\n"


class Phase(Enum):
    """What a connection waits for."""

    SILENT = auto()  # It waits for the first byte of a request.
    HEAD = auto()  # It waits for the rest of a head.
    ANSWERING = auto()  # It waits for the app.
    DISCARDING = auto()  # It waits for the rest of a body whose request has its answer.
    LINGERING = auto()  # It waits until the client stops sending and has its last answer.
    CLOSING = auto()  # It waits until the last bytes have left.


class Connection(HttpToolsProtocol):
    """One connection.

    Args:
        door: What all connections share.
        of_uvicorn: The arguments of the base class.
    """

    def __init__(self, door: Door, **of_uvicorn: Any) -> None:  # Any: what uvicorn passes
        super().__init__(**of_uvicorn)
        self._door = door
        self._settings = door.settings
        self._framing = Framing()
        self._phase = Phase.SILENT
        self._until = math.inf
        self._is_lost = False
        # These describe the message that is being parsed.
        self._is_head = True  # Its head is not complete, or there is no message.
        self._is_complete = True  # Nothing of it is missing, or there is no message.
        self._head_bytes = 0
        self._num_headers = self._num_hosts = 0
        self._length: int | None = 0  # The length of its body; None if that is chunked.
        self._body_bytes = 0
        self._wire_bytes = self._idle_bytes = 0  # Those of a chunked body, and since its last data.
        self._is_expecting = False
        # These describe what cannot be parsed yet, or not at all.
        self._ahead = b""
        self._is_overrun = False
        self._error: RequestError | None = None
        self._discarded = 0

    # What the event loop calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, unless there are too many."""
        self._outlet = Outlet(transport, self._close, self._settings.unread_s)
        self._delivery = Delivery(self._outlet, self._settings)
        super().connection_made(self._outlet)
        self._place = self._door.enter(self)
        if self._place is Place.NONE:
            self._outlet.abort()
            return
        self._outlet.bound_buffers()
        is_extra = self._place is Place.PROBES
        self._enter(Phase.SILENT, PROBE_HEAD_S if is_extra else self._settings.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """End everything that waits for this client."""
        self._is_lost = True
        self._door.leave(self)
        if isinstance(exc, TimeoutError):  # by TCP_USER_TIMEOUT
            self._door.count_cut("unread")
        unsent = self._outlet.get_write_buffer_size()
        self._delivery.end(exc is None and not self._outlet.was_reset and not unsent)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what may be parsed now."""
        if self._error or self._is_overrun or self._phase in (Phase.LINGERING, Phase.CLOSING):
            self._discard(len(data))
        elif self._ahead or self._must_wait():
            self._keep(data)
        else:
            self._feed(data)

    def resume_writing(self) -> None:
        """Let the app go on, because everything has been sent."""
        super().resume_writing()
        self._delivery.settle()

    # What the door and uvicorn's server call.

    def check(self, now: float) -> None:
        """End what takes too long."""
        if self._delivery.is_overdue(CHECK_S):
            self._door.count_cut("unread")
            self.reset()
        elif now >= self._until:
            self._be_late()

    def _be_late(self) -> None:
        if self._phase is Phase.HEAD:
            self._refuse(refusals.head_too_slow(self._settings))
        elif self._phase is Phase.ANSWERING:
            self._until = math.inf
            self._refuse(refusals.body_too_slow(self._body_bytes, self._settings))
        elif self._phase is Phase.SILENT:
            if self.cycle is None:
                self._door.count_cut("silent")
            self._close()
        else:
            self._door.count_cut("slow")
            self.reset()

    def announce_close(self) -> None:
        """Let the answer that is being made, if any, be the last one."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def reset(self) -> None:
        """End the connection at once; what was not sent is lost."""
        self._outlet.abort()

    def is_silent(self) -> bool:
        """Return whether it has no request."""
        return self._phase in (Phase.SILENT, Phase.HEAD)

    def shutdown(self) -> None:
        """Close the connection after the answer that is being made, or now."""
        if self.is_silent():
            self._enter(Phase.CLOSING, self._settings.unread_s)
            self._outlet.close_now()
        else:
            super().shutdown()

    # Bytes, on their way to the parser.

    def _must_wait(self) -> bool:
        """Return whether the next request has to wait for the answer to the one before."""
        return self._is_complete and self.cycle is not None and not self.cycle.response_complete

    def _keep(self, data: bytes) -> None:
        """Keep the beginning of further requests; if they are too many, answer none of them."""
        self._ahead += data
        self.flow.pause_reading()
        if len(self._ahead) > AHEAD_BYTES:
            self._ahead = b""
            self._is_overrun = True
            self.cycle.keep_alive = False

    def _discard(self, num_bytes: int) -> None:
        self._discarded += num_bytes
        if self._discarded > LINGER_BYTES:
            self._door.count_cut("slow")
            self.reset()

    def _feed(self, data: bytes) -> None:
        begin = 0
        while begin < len(data) and not self._is_lost:
            if self._must_wait():
                self._keep(data[begin:])
                return
            end = self._framing.step(data, begin)
            self._count(end - begin)
            if self._error is None:
                self._parse(data[begin:end])
            if self._error is not None:
                self._refuse(self._error)
                return
            begin = end

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._parse_without_upgrade()
        except httptools.HttpParserCallbackError:
            # Either a callback has found the error, or the address is not one.
            self._error = self._error or refusals.invalid_http("the address is not valid")
        except httptools.HttpParserError as error:  # its words are the parser's own
            self._error = refusals.invalid_http(f"the request cannot be parsed: {error}")

    def _parse_without_upgrade(self) -> None:
        """Parse the head again without the offer of another protocol, which a server may ignore."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        if method == b"CONNECT":
            self._error = refusals.invalid_http("the method is CONNECT; this is not a proxy")
            return
        lines = [b"%s %s HTTP/%s" % (method, self.url, version)]
        lines += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self._parse(b"\r\n".join([*lines, b"", b""]))

    def _count(self, num_bytes: int) -> None:
        """Count bytes before they are parsed, and find an error if they are too many."""
        settings = self._settings
        if self._is_head:
            self._head_bytes += num_bytes
            if self._head_bytes > settings.max_header_bytes:
                self._error = refusals.head_too_large(self._head_bytes, settings)
        elif self._phase is Phase.DISCARDING:
            self._discard(num_bytes)
        elif self._length is None:
            limit = 2 * settings.max_body_bytes + settings.max_header_bytes
            if self._idle_bytes > settings.max_header_bytes:
                self._error = refusals.head_too_large(self._idle_bytes, settings)
            self._idle_bytes += num_bytes  # `on_body` sets it back: most steps have data in them
            self._wire_bytes += num_bytes
            if self._wire_bytes > limit:
                self._error = refusals.chunks_too_many(self._wire_bytes, limit)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._is_complete = False
        self._num_headers = self._num_hosts = 0
        self._length = 0
        if self.cycle is None:  # the silence before a first request counts as well
            self._phase = Phase.HEAD
        else:
            self._enter(Phase.HEAD, self._settings.head_s)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; drop a trailer, since the request is already being served."""
        self._num_headers += 1
        if self._num_headers > self._settings.max_headers:
            self._error = refusals.too_many_headers(self._num_headers, self._settings)
            raise self._error
        if not self._is_head:
            return
        name = name.lower()
        if name == b"content-length":
            self._length = int(value)
        elif name == b"transfer-encoding":
            self._length = None
        elif name == b"host":
            self._num_hosts += 1
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))  # all that the base class does with it

    def on_headers_complete(self) -> None:
        """Begin to serve the request."""
        if self.parser.should_upgrade():
            return  # the parser stops here: see _parse_without_upgrade
        super().on_headers_complete()
        self._is_head = False
        self._body_bytes = self._wire_bytes = self._idle_bytes = 0
        if self._length != 0:
            self._framing.begin_body(self._length)
        self._begin_answer()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, which gives the rest of it more time."""
        self._idle_bytes = 0
        self._body_bytes += len(body)
        if self._phase is Phase.ANSWERING:
            self._until += len(body) / self._settings.min_bytes_per_s
        if self._is_expecting:  # the client has not waited in vain, so the connection can be kept
            self._is_expecting = False
            self.cycle.keep_alive = not self._door.is_leaving
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request; its answer may be complete already."""
        if self._is_head:
            return  # of a head that is parsed again without its upgrade
        super().on_message_complete()
        if self._phase is Phase.ANSWERING:
            self._until = math.inf
        self._is_complete = self._is_head = True
        self._head_bytes = 0
        self._framing.begin_head()
        if self.cycle.response_complete:
            self._enter(Phase.SILENT, KEEP_ALIVE_S)

    # Requests and their answers.

    def _begin_answer(self) -> None:
        """Prepare the request that uvicorn has just begun; the app has not run yet."""
        self._enter(Phase.ANSWERING, self._settings.body_s)
        cycle = self.cycle
        self._delivery.begin()
        hand_delivered(self.scope, partial(self._is_delivered, cycle))
        if error := self._refusal():
            hand_refusal(self.scope, error)
        # A client that expects 100 and is refused may or may not send its body, which could pass
        # for its next request. So the connection is kept only once the body comes.
        if self._door.is_leaving or self._place is Place.PROBES:
            cycle.keep_alive = False
        self._is_expecting = self.expect_100_continue and cycle.keep_alive
        if self._is_expecting:
            cycle.keep_alive = False

    def _refusal(self) -> RequestError | None:
        """Return what keeps the app from serving this request."""
        if self._error is not None:
            return self._error
        least = 1 if self.scope["http_version"] == "1.1" else 0
        if not least <= self._num_hosts <= 1:
            return refusals.without_host(self._num_hosts)
        if self._place is Place.PROBES and self.scope["path"] not in PROBES:
            return refusals.too_many_connections(self._door.max_connections)
        return None

    def _refuse(self, error: RequestError) -> None:
        """Let the app answer with a refusal, and read nothing more of this client."""
        self._error = error
        if self._is_head:
            self._refuse_head()
        elif self.cycle.response_complete:
            self._close()
        else:  # the app reads the body: it finds the refusal at its end
            hand_refusal(self.cycle.scope, error)
            self.cycle.keep_alive = False
            self.cycle.more_body = False
            self.cycle.message_event.set()

    def _refuse_head(self) -> None:
        """Begin a request that stands for the one whose head is refused."""
        headers, url, method = self.headers or [], getattr(self, "url", b""), "GET"
        if url:
            method = self.parser.get_method().decode("ascii")
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(REFUSED_HEAD)
        self.headers += headers  # for its X-Request-Id
        hand_path(self.scope, url)
        self.scope["method"] = method

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of this one.

        Unlike uvicorn's own, this sets no timer: `check` knows how long a client may be silent.
        """
        self.server_state.total_requests += 1
        if self._outlet.is_closing() or self._phase in (Phase.LINGERING, Phase.CLOSING):
            return
        self.flow.resume_reading()
        if self._is_complete:
            self._enter(Phase.SILENT, KEEP_ALIVE_S)
            data, self._ahead = self._ahead, b""
            self._feed(data)
        else:
            self._discarded = 0
            self._enter(Phase.DISCARDING, LINGER_S)

    def _enter(self, phase: Phase, seconds: float) -> None:
        self._phase = phase
        self._until = self.loop.time() + seconds

    # The end.

    def _close(self) -> None:
        """Close the connection; if the client is still sending, let it see its answer first."""
        if self._outlet.is_closing() or self._phase in (Phase.LINGERING, Phase.CLOSING):
            return
        if self._is_complete and not (self._ahead or self._is_overrun or self._error):
            self._enter(Phase.CLOSING, self._settings.unread_s)
            self._outlet.close_now()
            return
        self._ahead = b""
        self._discarded = 0
        self._enter(Phase.LINGERING, LINGER_S)
        self.flow.resume_reading()
        self._outlet.write_eof()

    def _is_delivered(self, cycle: RequestResponseCycle) -> "bool | asyncio.Future[bool]":
        """Return whether an answer has left the process; False if the client did not take it."""
        return cycle.response_complete and self._delivery.is_sent()
