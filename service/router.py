"""Routers of paths that read their requests themselves."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.requests import Request


class PlainRoute(APIRoute):
    """A route whose endpoint takes a request and returns a response, as in Starlette.

    FastAPI documents the route, but resolves no dependencies and parses no body before the call.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the endpoint itself."""
        return self.endpoint


def new_router() -> APIRouter:
    """Return a router without routes; a function under it is an operation of that name."""
    return APIRouter(route_class=PlainRoute, generate_unique_id_function=lambda route: route.name)
