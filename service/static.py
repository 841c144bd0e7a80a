"""Serve, compressed once, what every visitor gets alike: the page, /docs, the OpenAPI document."""

import asyncio
import base64
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import fastapi_offline
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from .compression import GZIPPED, compressed, takes_gzip

FOLDER = Path(__file__).parent / "page"
INDEX = "index.html"
# Every path of the page begins with this, except that of the index.
BELOW = "/page/"
DOCUMENTS, OPENAPI = "/docs", "/openapi.json"
# Swagger UI, in files that are installed with the service.
SWAGGER = Path(fastapi_offline.__file__).parent / "static"
SCRIPT, STYLE = "swagger-ui-bundle.js", "swagger-ui.css"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def _policy(script: str = "'self'", images: str = "'self'") -> str:
    """Return a policy under which a page sends requests to this service only."""
    return (
        f"default-src 'none'; script-src {script}; style-src 'self'; img-src {images};"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


HEADERS = {
    # Browsers may keep a file but must revalidate it: files that import each other must match.
    "Cache-Control": "no-cache",
    # No script may stand inside the HTML of the page.
    "Content-Security-Policy": _policy(),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


class Variant(NamedTuple):
    """A file in one content encoding, with the headers for it."""

    content: bytes
    headers: dict[str, str]


class StaticFile:
    """A file, as an endpoint for GET and HEAD.

    Args:
        content: Content of the file.
        media_type: Its Content-Type.
    """

    def __init__(self, content: bytes, media_type: str) -> None:
        headers = HEADERS | {"Content-Type": media_type}
        self._plain = _variant(content, headers)
        self._compressed = _variant(compressed(content), headers | GZIPPED)

    async def __call__(self, request: Request) -> Response:
        """Return the file, or status 304 without content if the client already has it."""
        content, headers = self._compressed if takes_gzip(request.headers) else self._plain
        if _has(request.headers, headers["ETag"]):
            return Response(None, 304, headers)
        return Response(content, 200, headers)


@cache
def file_at(path: Path) -> StaticFile:
    """Return the endpoint of a file, which is read and compressed once a process."""
    return StaticFile(path.read_bytes(), TYPES[path.suffix])


class OpenApiFile:
    """The OpenAPI document as an endpoint; another thread makes it at the first request.

    Args:
        document: Returns the document, which takes a tenth of a second.
    """

    def __init__(self, document: Callable[[], dict[str, Any]]) -> None:
        self._document = document
        self._lock = Lock()
        self._file: StaticFile | None = None

    async def __call__(self, request: Request) -> Response:
        """Return the document, or status 304 without content if the client already has it."""
        if (file := self._file) is None:
            file = await asyncio.to_thread(self._made)
        return await file(request)

    def _made(self) -> StaticFile:
        with self._lock:
            if self._file is None:
                text = json.dumps(self._document(), ensure_ascii=False, separators=(",", ":"))
                self._file = StaticFile(text.encode(), "application/json")
            return self._file


def page_routes() -> Iterator[Route]:
    """Yield a route for each file of the page; the index is at the root of the service."""
    for path in sorted(FOLDER.rglob("*")):
        if path.suffix in TYPES:
            name = path.relative_to(FOLDER).as_posix()
            yield Route("/" if name == INDEX else BELOW + name, file_at(path).__call__)


def document_routes(title: str, document: Callable[[], dict[str, Any]]) -> Iterator[Route]:
    """Yield the routes of the documentation: the document, its page, and the files of that.

    Nothing comes from other hosts.

    Args:
        title: Title of the page.
        document: Returns the OpenAPI document.
    """
    content = get_swagger_ui_html(  # relative URLs also work behind a balancer that adds a prefix
        openapi_url=OPENAPI.lstrip("/"),
        title=title,
        swagger_js_url=f".{DOCUMENTS}/{SCRIPT}",
        swagger_css_url=f".{DOCUMENTS}/{STYLE}",
        swagger_favicon_url=f".{BELOW}icon.svg",
    ).body

    # Swagger UI is started by a script inside the HTML, and its style sheet has pictures in it.
    (script,) = INLINE_SCRIPT.findall(content)
    digest = base64.b64encode(sha256(script).digest()).decode()
    policy = _policy(f"'self' 'sha256-{digest}'", "'self' data:")
    headers = HEADERS | {"Content-Security-Policy": policy}

    async def documents(_: Request) -> Response:
        return HTMLResponse(content, headers=headers)

    yield Route(OPENAPI, OpenApiFile(document).__call__)
    yield Route(DOCUMENTS, documents)
    for name in (SCRIPT, STYLE):
        yield Route(f"{DOCUMENTS}/{name}", file_at(SWAGGER / name).__call__)


def _variant(content: bytes, headers: dict[str, str]) -> Variant:
    return Variant(content, headers | {"ETag": f'"{sha256(content).hexdigest()[:24]}"'})


def _has(headers: Headers, etag: str) -> bool:
    known = [tag.strip().removeprefix("W/") for tag in headers.get("if-none-match", "").split(",")]
    return etag in known or known == ["*"]
