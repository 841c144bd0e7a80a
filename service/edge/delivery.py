"""Observe whether a client reads: how long its answer has been waiting, and when it has left."""

import asyncio

from ..settings import Settings
from .transport import Outlet


class Delivery:
    """The answers of a connection, between the app and the system.

    Args:
        outlet: The transport that sends them.
        settings: The limits on how long a client may leave them unread.
    """

    def __init__(self, outlet: Outlet, settings: Settings) -> None:
        self._outlet = outlet
        self._settings = settings
        self._begin = 0
        self._last_sent = 0
        self._stalled_s = self._blocked_s = 0.0
        self._waiters: list[tuple[int, asyncio.Future[bool]]] = []
        self._outcome: bool | None = None

    def begin(self) -> None:
        """Begin to measure another answer."""
        self._begin = self._outlet.written
        self._blocked_s = 0.0

    def is_overdue(self, passed_s: float) -> bool:
        """Return whether the client has read nothing for too long, or its answer too slowly.

        Only time in which something waits to be read counts: none of it passes while the app works.

        Args:
            passed_s: Seconds since the last call.
        """
        self.settle()
        sent = self._outlet.sent
        if sent == self._outlet.written:
            self._last_sent, self._stalled_s = sent, 0.0
            return False
        self._blocked_s += passed_s
        self._stalled_s = 0.0 if sent != self._last_sent else self._stalled_s + passed_s
        self._last_sent = sent
        patience_s = self._settings.unread_s
        taken_s = max(0, sent - self._begin) / self._settings.min_bytes_per_s
        return self._stalled_s > patience_s or self._blocked_s > patience_s + taken_s

    def is_sent(self) -> "bool | asyncio.Future[bool]":
        """Return whether all that has been written has left, or a future that will know.

        It is False if the client is gone.
        """
        if self._outcome is not None:
            return self._outcome
        if self._outlet.sent == self._outlet.written:
            return True
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiters.append((self._outlet.written, waiter))
        return waiter

    def settle(self) -> None:
        """Let those go on whose bytes have left."""
        if self._waiters:
            sent = self._outlet.sent
            self._resolve([pair for pair in self._waiters if pair[0] <= sent], True)

    def end(self, is_sent: bool) -> None:
        """Let all go on: the connection has ended, with or without the last bytes."""
        self._outcome = is_sent
        self._resolve(self._waiters, is_sent)

    def _resolve(self, pairs: list[tuple[int, asyncio.Future[bool]]], is_sent: bool) -> None:
        for _, waiter in pairs:
            if not waiter.done():  # it may have been cancelled
                waiter.set_result(is_sent)
        self._waiters = [pair for pair in self._waiters if not pair[1].done()]
