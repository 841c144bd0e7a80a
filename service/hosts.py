"""Refuse requests for hosts that are not allowed, if the operator has set allowed host names.

A website can make its own name lead to this machine, and the browser of a visitor then takes the
service for a part of the site. The Host header of such a request has the name of the site.
"""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from .errors import RequestError
from .middleware import refusal
from .probes import PROBES


class Hosted:
    """An ASGI app that refuses requests for other hosts.

    Args:
        app: The app to protect.
        hosts: The allowed names, in lower case and without ports.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event as ASGI defines it."""
        # Probes address a replica by its IP address.
        if scope["type"] != "http" or scope["path"] in PROBES or self._is_ours(scope):
            await self._app(scope, receive, send)
            return
        error = RequestError(
            "unknown_host",
            "the Host header does not name a host of this service (allowed_hosts)",
            "address the service by the name that its operator has given",
        )
        await refusal(error, scope["state"]["trace"])(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        host = Headers(scope=scope).get("host", "").lower()
        name, colon, port = host.rpartition(":")
        return (name if colon and port.isdecimal() else host) in self._hosts
