"""Admit connections up to a limit, and end those that take too long."""

import asyncio
from enum import Enum, auto
from typing import Protocol

from ..metrics import Metrics
from ..settings import Settings

# This many connections beyond the limit may still carry a probe. Without them, a process with too
# many clients would look dead and be restarted. If all of them are taken, the oldest silent one is
# ended, because a probe sends its request as soon as it is connected.
PROBE_CONNECTIONS = 32
# Connections are checked this often, so one that takes too long is ended at most this much late.
CHECK_S = 0.25


class Place(Enum):
    """What a new connection may be used for."""

    ANY = auto()
    PROBES = auto()
    NONE = auto()


class Guest(Protocol):
    """A connection, as the door sees it."""

    def check(self, now: float) -> None:
        """End what takes too long; `now` is on the clock of the event loop."""

    def announce_close(self) -> None:
        """Let the answer that is being made, if any, be the last one."""

    def reset(self) -> None:
        """End the connection at once."""

    def is_silent(self) -> bool:
        """Return whether it has no request."""


class Door:
    """The connections of a process. It is used on the event loop only.

    Args:
        settings: Limits.
        metrics: The metrics in which connections are counted.
        max_connections: The number that the system admits, if it is lower than the setting.

    Attributes:
        settings: As given.
        max_connections: The limit that holds.
        is_leaving: Whether every answer is the last one of its connection.
    """

    def __init__(self, settings: Settings, metrics: Metrics, max_connections: int) -> None:
        self.settings = settings
        self.max_connections = max_connections
        self.is_leaving = False
        self._metrics = metrics
        self._guests: set[Guest] = set()
        self._probing: dict[Guest, None] = {}  # those beyond the limit, the oldest first
        metrics.watch_connections(lambda: len(self._guests))

    def enter(self, guest: Guest) -> Place:
        """Count a new connection, and return what it may be used for."""
        if len(self._guests) < self.max_connections:
            self._guests.add(guest)
            return Place.ANY
        if len(self._guests) >= self.max_connections + PROBE_CONNECTIONS:
            self.count_cut("crowd")
            silent = next((one for one in self._probing if one.is_silent()), None)
            if silent is None:
                return Place.NONE
            silent.reset()
            self.leave(silent)
        self._guests.add(guest)
        self._probing[guest] = None
        return Place.PROBES

    def leave(self, guest: Guest) -> None:
        """Forget a connection that has ended."""
        self._guests.discard(guest)
        self._probing.pop(guest, None)

    def count_cut(self, reason: str) -> None:
        """Count a connection that was ended from this side without an answer."""
        self._metrics.connection_cut(reason)

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Check all connections from now on, until the loop ends."""
        self._check(loop, loop.time())

    def _check(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        # If the loop was kept busy, bytes that came in time may not have been read yet. So a check
        # goes by the time it was due at, and only the next one by the time that was lost.
        for guest in list(self._guests):
            guest.check(due)
        due = max(due, loop.time() - CHECK_S) + CHECK_S
        loop.call_at(due, self._check, loop, due)

    def announce_close(self) -> None:
        """Let every answer from now on be the last one of its connection."""
        self.is_leaving = True
        for guest in list(self._guests):
            guest.announce_close()

    def reset_all(self) -> None:
        """End all connections at once."""
        for guest in list(self._guests):
            guest.reset()
