"""Serve the paths of the service below a prefix as well, for proxies that do not remove it."""

from starlette.types import ASGIApp, Receive, Scope, Send


class Prefixed:
    """An ASGI app that removes a prefix from the path of a request, if it is there.

    Requests without it are served as well, because probes reach a replica without the proxy. Pages
    and documents link to each other by relative addresses, so they need not know the prefix.

    Args:
        app: The app to serve.
        prefix: The prefix, such as /bilm.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event as ASGI defines it."""
        if scope["type"] == "http" and scope["path"].startswith(f"{self._prefix}/"):
            scope = {**scope, "path": scope["path"].removeprefix(self._prefix)}
        await self._app(scope, receive, send)
