"""A budget for the memory that large request bodies and responses may occupy at one time.

The limits on a single request do not keep many large ones from filling the memory together, and a
client that does not read its response could occupy memory for as long as it likes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

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
        with Share(self) as share:
            share.add(num_bytes)
            yield

    def refuse_beyond_limit(self, others: int, num_bytes: int) -> None:
        """Refuse so many bytes of one request, if they do not fit beside those of others.

        Raises:
            RequestError: overloaded.
        """
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


class Share:
    """What one request has reserved of a budget, until the context ends.

    Args:
        budget: The budget.
    """

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self._bytes = 0

    def add(self, num_bytes: int) -> None:
        """Reserve more bytes.

        Raises:
            RequestError: overloaded, if they do not fit beside those of others.
        """
        budget = self._budget
        if self._bytes + num_bytes > SMALL_BYTES:
            budget.refuse_beyond_limit(budget.bytes - self._bytes, self._bytes + num_bytes)
        self._bytes += num_bytes
        budget.bytes += num_bytes

    def __enter__(self) -> Self:
        """Return the share, which is empty."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give everything back."""
        self.give_back()

    def give_back(self) -> None:
        """Give everything back that is reserved."""
        self._budget.bytes -= self._bytes
        self._bytes = 0
