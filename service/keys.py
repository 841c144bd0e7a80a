"""API keys: once any are set, every request must send one. Probes, /docs and the page stay open."""

from collections.abc import Sequence
from hashlib import sha256
from hmac import compare_digest

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from .errors import RequestError
from .middleware import refusal

OPEN_PATHS = frozenset({"/", "/docs", "/livez", "/openapi.json", "/readyz"})
OPEN_BELOW = ("/docs/", "/page/")  # static files; the requests that they make still need a key
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="biLM"'}


class Guarded:
    """An ASGI app that refuses requests without a valid key.

    Args:
        app: The app to protect.
        keys: The valid keys. If there are none, every request passes.
    """

    def __init__(self, app: ASGIApp, keys: Sequence[str]) -> None:
        self._app = app
        self._digests = [sha256(key.encode()).digest() for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event as ASGI defines it."""
        if scope["type"] != "http" or _is_open(scope["path"]) or self._has_key(scope):
            await self._app(scope, receive, send)
            return
        error = RequestError(
            "invalid_api_key",
            "no API key of this service was sent; send one as Authorization: Bearer KEY or as"
            " X-API-Key: KEY",
        )
        await refusal(error, scope["state"]["trace"], CHALLENGE)(scope, receive, send)

    def _has_key(self, scope: Scope) -> bool:
        if not self._digests:
            return True
        headers = Headers(scope=scope)
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        given = [headers.get("x-api-key", ""), bearer if scheme.lower() == "bearer" else ""]
        found = [sha256(key.strip().encode("latin-1")).digest() for key in given]
        # Every pair is compared, and as digests: the time taken reveals nothing about a near miss.
        matches = [compare_digest(one, digest) for one in found for digest in self._digests]
        return any(matches)


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_BELOW)
