"""A budget for the memory that large requests may occupy at one time.

It counts request bodies, responses, and what the model keeps while it works on a long text. The
limits on a single request do not keep many large ones from filling the memory together, and a
client that does not read its response could occupy memory for as long as it likes.
"""

from collections.abc import Iterator, Sequence
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
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        # The bytes that the model keeps for each long text, and the most texts it has begun.
        self._kept: list[int] = []
        self._num_begun = 1

    @property
    def bytes(self) -> int:
        """Bytes that are reserved now."""
        return self._held + self._kept_with([])

    def check(self, answer_bytes: int, kept: Sequence[int], num_begun: int) -> None:
        """Refuse a request that has been read and planned, if it does not fit beside the others.

        Args:
            answer_bytes: The size of its response.
            kept: How many bytes the model keeps for each of its long texts.
            num_begun: How many long texts of all requests the model has begun at most.

        Raises:
            RequestError: overloaded.
        """
        self._num_begun = num_begun
        of_answer = answer_bytes if answer_bytes > SMALL_BYTES else 0
        added = of_answer + self._kept_with(kept) - self._kept_with([])
        if added:
            self.refuse_beyond_limit(self.bytes, added)

    @contextmanager
    def holding(self, answer_bytes: int) -> Iterator[None]:
        """Count a response, unless it is small, until the context ends."""
        num_bytes = answer_bytes if answer_bytes > SMALL_BYTES else 0
        self.change(num_bytes)
        try:
            yield
        finally:
            self.change(-num_bytes)

    @contextmanager
    def keeping(self, kept: Sequence[int]) -> Iterator[None]:
        """Count what the model keeps for long texts until the context ends."""
        self._kept += kept
        try:
            yield
        finally:
            for num_bytes in kept:
                self._kept.remove(num_bytes)

    def _kept_with(self, more: Sequence[int]) -> int:
        """Return what the model keeps at most.

        It begins a long text only after another has ended, so only the largest are counted.
        """
        return sum(sorted([*self._kept, *more])[-self._num_begun :])

    def change(self, num_bytes: int) -> None:
        """Count this many more bytes of bodies and responses; fewer if the number is negative."""
        self._held += num_bytes

    def refuse_beyond_limit(self, others: int, num_bytes: int) -> None:
        """Refuse this many bytes of one request if they do not fit beside those of others.

        Raises:
            RequestError: overloaded.
        """
        if others > SMALL_BYTES and others + num_bytes > self._limit:
            raise RequestError(
                "overloaded",
                f"bodies, answers and long texts of others occupy {others} bytes, and the request"
                f" adds about {num_bytes}; the limit is {self._limit}",
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
        budget.change(num_bytes)

    def __enter__(self) -> Self:
        """Return the share, which is empty."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give everything back."""
        self.give_back()

    def give_back(self) -> None:
        """Give everything back that is reserved."""
        self._budget.change(-self._bytes)
        self._bytes = 0
