"""The composition root: it builds the ASGI app from the settings and a model."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route

from .endpoint import runtime_of
from .engine import Engine
from .errors import RequestError
from .hosts import Hosted
from .key_ring import KeyRing
from .keys import Guarded
from .metrics import Metrics
from .middleware import Traced, refusal
from .openapi import Api, description
from .paths import ROUTES
from .paths.info import versions
from .prefix import Prefixed
from .router import HeadAsGet, suggestion
from .runtime import Runtime
from .settings import Settings
from .static import document_routes, page_routes

API_PATHS = [route.path for route in ROUTES if isinstance(route, Route)]
PLAIN_PATHS = [path for path in API_PATHS if "{" not in path]
KNOWN_PATHS = [*PLAIN_PATHS, "/docs", "/openapi.json"]


def create_app(settings: Settings, load: Callable[[], Engine] | None = None) -> FastAPI:
    """Return the service as an ASGI app; it answers probes while the model is still loading.

    Args:
        settings: The settings of the process.
        load: Returns the engine. By default, the settings say which model to load.
    """
    metrics = Metrics()
    load = load or partial(Engine.load, settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.runtime = Runtime(settings, load, metrics)
        yield
        await app.state.runtime.close()

    app = Api(
        title="biLM",
        version=versions()["bilm"],
        description=description(),
        lifespan=lifespan,
        openapi_url=None,  # written once, and not at each request, by a route of ours
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirected POST loses its body in many clients
        exception_handlers={RequestError: _refuse, HTTPException: _refuse_route},
    )
    app.state.metrics = metrics
    app.add_middleware(HeadAsGet)
    app.add_middleware(Guarded, ring=KeyRing(settings.listed_keys, settings.api_keys_file))
    if settings.hosts:
        app.add_middleware(Hosted, hosts=settings.hosts)
    # The last one added is the outermost.
    app.add_middleware(Traced, metrics=metrics, paths=frozenset(API_PATHS))
    if settings.path_prefix:
        app.add_middleware(Prefixed, prefix=settings.path_prefix)
    app.router.routes.extend(ROUTES)
    if settings.page:
        app.router.routes.extend(page_routes())
    if settings.docs:
        app.router.routes.extend(document_routes(app.title, app.openapi))
    return app


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError), "registered for RequestError only; this is a bug"
    return refusal(error, request.state.trace)


async def _refuse_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException), "registered for HTTPException only; this is a bug"
    has_documents = runtime_of(request).settings.docs
    if error.status_code == 405:
        methods = {name.strip() for name in (error.headers or {}).get("Allow", "").split(",")}
        allowed = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
        remedy = "see /docs" if has_documents else ""
        mended = RequestError("method_not_allowed", f"this path takes {allowed}", remedy)
        return refusal(mended, request.state.trace, {"Allow": allowed})
    if error.status_code == 404:
        if has_documents:
            meant = suggestion(request.url.path, KNOWN_PATHS)
            remedy = f"did you mean {meant}? See /docs" if meant else "see /docs for all paths"
        else:
            meant = suggestion(request.url.path, PLAIN_PATHS)
            remedy = f"did you mean {meant}?" if meant else "correct the address"
        mended = RequestError("not_found", "there is nothing at this path", remedy)
        return refusal(mended, request.state.trace)
    raise error
