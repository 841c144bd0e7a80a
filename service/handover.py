"""Hand three facts from the edge to the app: path, refusal, and whether it was delivered."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from starlette.types import Scope

from .errors import RequestError

# These are names in the state of a request.
REFUSAL, DELIVERED = "edge_refusal", "edge_delivered"

Delivered = Callable[[], bool | Awaitable[bool]]


def hand_refusal(scope: Any, error: RequestError) -> None:  # Any: uvicorn's scope or Starlette's
    """Let the app refuse this request, or its body if the request is already being served."""
    scope["state"][REFUSAL] = error


def hand_path(scope: Any, target: bytes) -> None:  # Any: as above
    """Set the path of a request whose head is refused, without escapes; empty if it has none.

    A client that takes the service for a proxy sends an address in place of a path, or a host with
    CONNECT. Either may hold a user name and a password, so nothing of it is kept.
    """
    path = target.partition(b"?")[0].decode("latin-1")
    scope["path"] = unquote(path) if path.startswith("/") else ""


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
