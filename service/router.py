"""Lead a request to its path: HEAD to that of GET, and a wrong path to a suggestion."""

import re
from collections.abc import Callable, Coroutine, Sequence
from difflib import get_close_matches
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# A path is compared with others up to this length, so that the time for it is bounded.
COMPARED_LENGTH = 64
# Below this similarity, from 0 to 1, another path is hardly the one that was meant.
LEAST_SIMILARITY = 0.8


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


def suggestion(path: str, known: Sequence[str]) -> str | None:
    """Return the path that was probably meant by one that leads nowhere, if there is one.

    A slash too many, another case, a prefix that a proxy should have removed, a missing /v1, and
    slips of the pen are recognised.
    """
    tidy = re.sub("/+", "/", path[:COMPARED_LENGTH]).rstrip("/").lower()
    ends = [one for one in known if tidy.endswith(one)] or [
        one for one in known if tidy and one.endswith(tidy)
    ]
    if ends:
        return max(ends, key=len)
    return next(iter(get_close_matches(tidy, known, 1, LEAST_SIMILARITY)), None)


def new_router() -> APIRouter:
    """Return a router without routes; a function under it is an operation of that name."""
    return APIRouter(route_class=PlainRoute, generate_unique_id_function=lambda route: route.name)
