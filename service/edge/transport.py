"""A transport that counts what it sends, and lets its connection decide how it is closed."""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

# The write buffer beyond which the app waits until all of it has been sent.
HIGH_WATER_BYTES = 64 * 1024
# The system holds at most this much for a client that does not read; without a bound it holds
# megabytes, and the client seems to have taken its answer.
UNSENT_BYTES = 256 * 1024
# struct linger of <sys/socket.h>: it is on, and lasts for no time.
RESET = struct.pack("ii", 1, 0)


class Outlet(asyncio.Transport):
    """A transport around the one of the event loop.

    Args:
        inner: The transport of the event loop.
        on_close: Called instead of closing the inner transport.
        patience_s: Seconds for which a client may read nothing.

    Attributes:
        written: Bytes that were written so far.
        was_reset: Whether the connection was reset from this side.
    """

    def __init__(
        self, inner: asyncio.Transport, on_close: Callable[[], None], patience_s: float
    ) -> None:
        super().__init__()
        self._inner = inner
        self._on_close = on_close
        self._patience_s = patience_s
        self.written = 0
        self.was_reset = False

    @property
    def sent(self) -> int:
        """Bytes that have left the process."""
        return self.written - self._inner.get_write_buffer_size()

    def bound_buffers(self) -> None:
        """Bound what is held for a client that does not read, here and in the system."""
        self._inner.set_write_buffer_limits(high=HIGH_WATER_BYTES, low=0)
        self._set_option("IPPROTO_TCP", "TCP_NOTSENT_LOWAT", UNSENT_BYTES)
        # This ends connections that this process has closed before the client has read all. With
        # open ones, the process notices sooner that a client does not read.
        self._set_option("IPPROTO_TCP", "TCP_USER_TIMEOUT", int(2000 * self._patience_s))

    def _set_option(self, level: str, name: str, value: int | bytes) -> None:
        """Set an option of the socket where the system has it."""
        found = self._inner.get_extra_info("socket")
        if found is None or not hasattr(socket, name):
            return
        with suppress(OSError):  # raised if the connection has gone, or is a Unix socket
            found.setsockopt(getattr(socket, level), getattr(socket, name), value)

    # The interface of asyncio.Transport.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes, or buffer them."""
        self.written += len(data)
        self._inner.write(data)

    def close(self) -> None:
        """Let the connection decide when to close."""
        self._on_close()

    def close_now(self) -> None:
        """Close the connection once what was written has been sent."""
        self._inner.close()

    def abort(self) -> None:
        """Reset the connection; what was not sent is lost, here and in the system."""
        self.was_reset = True
        self._set_option("SOL_SOCKET", "SO_LINGER", RESET)
        self._inner.abort()

    def write_eof(self) -> None:
        """Tell the client that nothing more is sent."""
        self._inner.write_eof()

    def is_closing(self) -> bool:
        """Return whether it is closed, or will be once all has been sent."""
        return self._inner.is_closing()

    def pause_reading(self) -> None:
        """Read nothing more for now."""
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self._inner.resume_reading()

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait to be sent."""
        return self._inner.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # Any: as asyncio has it
        """Return what the inner transport knows."""
        return self._inner.get_extra_info(name, default)
