"""The connection to the service, for both clients."""

from typing import Any

import httpx

from bilm_client.errors import NoServiceError

IN_FLIGHT = 4
# This is twice the default deadline of the service.
TIMEOUT_S = 60.0
MAX_WAIT_S = 120.0
# The service may close an idle connection just as it is used again; the request is then resent.
DROPPED = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
FAILED = (httpx.HTTPError,)


def settings_of(url: str, api_key: str | None, in_flight: int, timeout_s: float) -> dict[str, Any]:
    """Return the arguments for httpx's clients.

    Raises:
        ValueError: in_flight is below 1.
    """
    if in_flight < 1:
        raise ValueError(f"in_flight is {in_flight}; it must be at least 1")
    return {
        "base_url": url,
        "headers": {"Authorization": f"Bearer {api_key}"} if api_key else {},
        "timeout": timeout_s,
        "limits": httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight),
    }


def lost(request: httpx.Request, error: Exception) -> NoServiceError:
    """Return the error to raise for a request that failed without a response."""
    return NoServiceError(
        f"{request.method} {request.url}: {str(error) or type(error).__name__}; is the service"
        " running there, and is the address correct?"
    )
