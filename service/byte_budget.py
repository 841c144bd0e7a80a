"""A budget for the memory that large request bodies and responses may occupy at one time.

The limits on a single request do not keep many large ones from filling the memory together, and a
client that does not read its response could occupy memory for as long as it likes.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from .errors import Details, RequestError

# Bodies and responses up to this size are not counted: the number of requests bounds their sum.
SMALL_BYTES = 256 * 1024
RETRY_S = 1


class ByteBudget:
    """The budget and what is reserved of it. Used on the event loop only.

    Args:
        limit: The budget in bytes. While nothing is reserved, one request may exceed it, within
            its own limits.

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
        if self.bytes and self.bytes + num_bytes > self._limit:
            raise RequestError(
                "overloaded",
                f"bodies and answers of {self.bytes} bytes are held, and the request adds about"
                f" {num_bytes}; the limit is {self._limit}",
                f"ask again in {RETRY_S} s",
                details=Details(
                    limit=self._limit, actual=self.bytes + num_bytes, setting="max_held_bytes"
                ),
                retry_after_s=RETRY_S,
            )
        self.bytes += num_bytes
        try:
            yield
        finally:
            self.bytes -= num_bytes
