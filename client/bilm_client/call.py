"""The calls of a client without an event loop: their ends, and the threads that work for them."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, InvalidStateError, wait
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, TypeVar

import httpx

Answer = TypeVar("Answer")


class Call:
    """A call that goes on until it has its answers, or until another thread ends it.

    A thread that waits for a service does not keep the program from ending, as the threads of an
    executor do: after Ctrl-C, or after the error of another request, nobody wants its response.
    """

    def __init__(self) -> None:
        self._end: Future[None] = Future()

    @property
    def is_over(self) -> bool:
        """Whether nothing more of the call is wanted."""
        return self._end.done()

    def end(self) -> None:
        """End the call, and whatever waits in it."""
        with suppress(InvalidStateError):  # it is over
            self._end.set_result(None)

    def pause(self, seconds: float) -> None:
        """Wait for some seconds, or until the call is over."""
        wait([self._end], seconds)

    def start(self, work: Callable[[], Answer]) -> "Future[Answer]":
        """Return the future of a function that a new thread runs."""
        future: Future[Answer] = Future()

        def run() -> None:
            try:
                future.set_result(work())
            except BaseException as error:  # `result` raises it in the caller's thread
                future.set_exception(error)

        Thread(target=run, name="bilm-client", daemon=True).start()
        return future

    def wait_for_one(self, futures: Iterable["Future[Any]"]) -> None:
        """Wait until one of the futures is done, or the call is over."""
        wait([*futures, self._end], return_when=FIRST_COMPLETED)


@dataclass(frozen=True)
class Open:
    """What a process has open: connections, and the calls that are going on."""

    http: httpx.Client
    calls: set[Call] = field(default_factory=set)
