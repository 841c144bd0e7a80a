"""How many bytes of bodies and answers the process holds for its callers, together bounded.

The limits of one request leave a crowd of large ones free to fill the memory, and a client that
does not read its answer would hold it for as long as it likes.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from service.errors import Details, RequestError

SMALL_BYTES = 256 * 1024  # not counted: the number of requests bounds what is no larger
RETRY_S = 1


class Held:
    """What is held for callers. Used on the event loop.

    Args:
        limit: Bytes; one request alone may hold whatever its own limits allow.

    Attributes:
        bytes: Those held now.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.bytes = 0

    @contextmanager
    def room_for(self, num_bytes: int) -> Iterator[None]:
        """Hold so many bytes for a while.

        Raises:
            RequestError: overloaded: there is no room beside those held.
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
