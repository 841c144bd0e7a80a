"""The documentation at /docs: Swagger UI, served from files that are installed with the service."""

from collections.abc import Iterator
from pathlib import Path

import fastapi_offline
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from service.page_files import BELOW, PageFile

FOLDER = Path(fastapi_offline.__file__).parent / "static"
DOCUMENTS = "/docs"
SCRIPT, STYLE = "swagger-ui-bundle.js", "swagger-ui.css"


def document_routes(title: str) -> Iterator[Route]:
    """Yield the routes of the documentation page and its files; nothing comes from other hosts."""
    content = get_swagger_ui_html(  # relative URLs also work behind a balancer that adds a prefix
        openapi_url="openapi.json",
        title=title,
        swagger_js_url=f".{DOCUMENTS}/{SCRIPT}",
        swagger_css_url=f".{DOCUMENTS}/{STYLE}",
        swagger_favicon_url=f".{BELOW}icon.svg",
    ).body

    async def documents(_: Request) -> Response:
        return HTMLResponse(content)

    yield Route(DOCUMENTS, documents)
    for name in (SCRIPT, STYLE):
        yield Route(f"{DOCUMENTS}/{name}", PageFile(FOLDER / name).__call__)
