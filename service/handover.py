"""Hand two facts from the edge to the app: a refusal, and whether an answer was delivered."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import Scope

from .errors import RequestError

# These are names in the state of a request.
REFUSAL, DELIVERED = "edge_refusal", "edge_delivered"

Delivered = Callable[[], bool | Awaitable[bool]]


def hand_refusal(scope: Any, error: RequestError) -> None:  # Any: uvicorn's scope or Starlette's
    """Let the app refuse this request, or its body if the request is already being served."""
    scope["state"][REFUSAL] = error


def hand_delivered(scope: Any, delivered: Delivered) -> None:  # Any: as above
    """Let the app wait until the answer to this request has left the process."""
    scope["state"][DELIVERED] = delivered


def refusal_of(scope: Scope) -> RequestError | None:
    """Return the refusal of the edge, if there is one."""
    found: RequestError | None = scope.get("state", {}).get(REFUSAL)
    return found


async def is_delivered(scope: Scope) -> bool:
    """Wait until the whole answer has left the process; return False if the client did not take it.

    Without the edge, as in a test of the app alone, every answer counts as delivered.
    """
    delivered: Delivered | None = scope.get("state", {}).get(DELIVERED)
    found = delivered is None or delivered()
    return found if isinstance(found, bool) else await found
