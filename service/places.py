"""Count the requests that are being served, in all and by API key, and refuse those beyond."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import Details, RequestError
from .settings import Settings

# A place is free again as soon as any request has its response.
RETRY_S = 1


class Places:
    """The places of one process. They are taken and given back on the event loop.

    Args:
        settings: Limits.
    """

    def __init__(self, settings: Settings) -> None:
        self._limit = settings.max_requests
        self._limit_of_key = settings.max_key_requests or settings.max_requests
        self._taken_by: Counter[str | None] = Counter()

    @property
    def num_taken(self) -> int:
        """The number of requests that are being served."""
        return self._taken_by.total()

    @contextmanager
    def taken(self, key: str | None) -> Iterator[None]:
        """Take a place for a block.

        Args:
            key: The name of the request's key; None if no key is needed.

        Raises:
            RequestError: overloaded, because all places or all places of the key are taken.
        """
        if self.num_taken >= self._limit:
            raise _crowded("", self._limit, "max_requests")
        if key is not None and self._taken_by[key] >= self._limit_of_key:
            raise _crowded(" of this key", self._limit_of_key, "max_key_requests")
        self._taken_by[key] += 1
        try:
            yield
        finally:
            self._taken_by[key] -= 1
            if not self._taken_by[key]:  # keys change, and a process runs for long
                del self._taken_by[key]


def _crowded(whose: str, limit: int, setting: str) -> RequestError:
    return RequestError(
        "overloaded",
        f"{limit} requests{whose} are being served, which is the limit; ask again in {RETRY_S} s",
        details=Details(limit=limit, actual=limit + 1, setting=setting),
        retry_after_s=RETRY_S,
    )
