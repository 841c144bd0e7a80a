"""Refuse requests without an API key if any is set. Probes, /docs and the page stay open."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from .errors import RequestError
from .key_ring import KeyRing
from .middleware import refusal
from .probes import PROBES

OPEN_PATHS = PROBES | {"/", "/docs", "/openapi.json"}
# These are static files. The requests that they send still need a key.
OPEN_BELOW = ("/docs/", "/page/")
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="biLM"'}


class Guarded:
    """An ASGI app that refuses requests without a valid key.

    Args:
        app: The app to protect.
        ring: The valid keys. If there are none, every request passes.
    """

    def __init__(self, app: ASGIApp, ring: KeyRing) -> None:
        self._app = app
        self._ring = ring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event as ASGI defines it."""
        if scope["type"] != "http" or self._ring.is_empty or _is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        trace = scope["state"]["trace"]
        trace.key = self._ring.owner(_keys_of(scope))
        if trace.key is not None:
            await self._app(scope, receive, send)
            return
        error = RequestError(
            "invalid_api_key",
            "no API key of this service was sent; send one as Authorization: Bearer KEY or as"
            " X-API-Key: KEY",
        )
        await refusal(error, trace, CHALLENGE)(scope, receive, send)


def _keys_of(scope: Scope) -> list[str]:
    headers = Headers(scope=scope)
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    return [headers.get("x-api-key", ""), bearer if scheme.lower() == "bearer" else ""]


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_BELOW)
