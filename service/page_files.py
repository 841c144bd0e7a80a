"""The files of the page as answers: read once at start, compressed once, the same for everybody."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.compression import GZIPPED, compressed, takes_gzip

FOLDER = Path(__file__).parent / "page"
INDEX = "index.html"
BELOW = "/page/"  # where every file but the index is served
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Nothing but this service may be asked for anything, and no script stands inside the HTML.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    # Kept, but asked for again: files that import each other must be of one version.
    "Cache-Control": "no-cache",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


class Variant(NamedTuple):
    """A file in one encoding."""

    content: bytes
    headers: dict[str, str]


class PageFile:
    """A file of the page, as an endpoint for GET and HEAD.

    Args:
        path: Where it lies.
    """

    def __init__(self, path: Path) -> None:
        content = path.read_bytes()
        headers = HEADERS | {"Content-Type": TYPES[path.suffix]}
        self._plain = _variant(content, headers)
        self._compressed = _variant(compressed(content), headers | GZIPPED)

    async def __call__(self, request: Request) -> Response:
        """The file; 304 and no content for who has it."""
        content, headers = self._compressed if takes_gzip(request.headers) else self._plain
        if _has(request.headers, headers["ETag"]):
            return Response(None, 304, headers)
        return Response(content, 200, headers)


def page_routes() -> Iterator[Route]:
    """A route for each file of the page; the index is the root of the service."""
    for path in sorted(FOLDER.rglob("*")):
        if path.suffix in TYPES:
            name = path.relative_to(FOLDER).as_posix()
            yield Route("/" if name == INDEX else BELOW + name, PageFile(path).__call__)


def _variant(content: bytes, headers: dict[str, str]) -> Variant:
    return Variant(content, headers | {"ETag": f'"{sha256(content).hexdigest()[:24]}"'})


def _has(headers: Headers, etag: str) -> bool:
    known = [tag.strip().removeprefix("W/") for tag in headers.get("if-none-match", "").split(",")]
    return etag in known or known == ["*"]
