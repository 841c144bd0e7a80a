"""Routers of paths that read their requests themselves, and HEAD for each path that has GET."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class PlainRoute(APIRoute):
    """A route whose endpoint takes a request and returns a response, as in Starlette.

    FastAPI documents the route, but resolves no dependencies and parses no body before the call.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the endpoint itself."""
        return self.endpoint


class HeadAsGet:
    """An ASGI app that answers HEAD like GET, without the body.

    Args:
        app: The app that has the routes.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event as ASGI defines it."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, send_head)


def new_router() -> APIRouter:
    """Return a router without routes; a function under it is an operation of that name."""
    return APIRouter(route_class=PlainRoute, generate_unique_id_function=lambda route: route.name)
