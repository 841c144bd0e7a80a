"""A budget for the memory that large request bodies and responses may occupy at one time.

The limits on a single request do not keep many large ones from filling the memory together, and a
client that does not read its response could occupy memory for as long as it likes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .errors import Details, RequestError

# A body or a response up to this size is never refused: the limit on connections bounds their sum.
SMALL_BYTES = 256 * 1024
RETRY_S = 1


class ByteBudget:
    """The budget and what is reserved of it. Used on the event loop only.

    Args:
        limit: The budget in bytes. While hardly anything is reserved by others, one request may
            exceed it, within its own limits.

    Attributes:
        bytes: Bytes that are reserved now.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.bytes = 0

    @contextmanager
    def room_for(self, num_bytes: int) -> Iterator[None]:
        """Reserve this many bytes until the context ends.

        Raises:
            RequestError: overloaded, if they do not fit beside the bytes already reserved.
        """
        if num_bytes <= SMALL_BYTES:
            yield
            return
        with self.growing() as reserve:
            reserve(num_bytes)
            yield

    @contextmanager
    def growing(self) -> Iterator[Callable[[int], None]]:
        """Return a function that reserves more bytes, all of them until the context ends.

        The function raises RequestError, overloaded, if they do not fit beside those of others.
        """
        mine = 0

        def reserve(num_bytes: int) -> None:
            nonlocal mine
            if mine + num_bytes > SMALL_BYTES:
                self._refuse_beyond_limit(self.bytes - mine, mine + num_bytes)
            mine += num_bytes
            self.bytes += num_bytes

        try:
            yield reserve
        finally:
            self.bytes -= mine

    def _refuse_beyond_limit(self, others: int, num_bytes: int) -> None:
        if others > SMALL_BYTES and others + num_bytes > self._limit:
            raise RequestError(
                "overloaded",
                f"bodies and answers of {others} bytes are held, and the request adds about"
                f" {num_bytes}; the limit is {self._limit}",
                f"ask again in {RETRY_S} s",
                details=Details(
                    limit=self._limit, actual=others + num_bytes, setting="max_held_bytes"
                ),
                retry_after_s=RETRY_S,
            )
