"""How the page is served: whole, typed, compressed, kept, and closed to the outside."""

import gzip
import re
import threading

import pytest

from service.static import FOLDER, TYPES
from tests.service.serving import PATIENCE_S, error_of, serving, settings_of

pytestmark = pytest.mark.anyio

FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file())
SVG_NAMESPACE = "http://www.w3.org/2000/svg"  # a name, never fetched
FIRST_VIEW_BYTES = 60_000  # of 150 kB; vectors, pieces and /info take 77 of them with zh-small
HEADERS_BYTES = 700


def path_of(file):
    """Where a file is served."""
    name = file.relative_to(FOLDER).as_posix()
    return "/" if name == "index.html" else f"/page/{name}"


PATHS = [path_of(file) for file in FILES]


def test_there_are_files_of_every_type():
    assert {file.suffix for file in FILES} == TYPES.keys()


async def test_every_file_is_served_as_it_is_with_its_type(client):
    for file in FILES:
        answer = await client.get(path_of(file), headers={"accept-encoding": "identity"})
        assert (answer.status_code, answer.content) == (200, file.read_bytes()), file
        assert answer.headers["content-type"] == TYPES[file.suffix], file
        assert answer.headers["content-length"] == str(file.stat().st_size), file
        assert "content-encoding" not in answer.headers, file


async def test_no_file_may_ask_another_host_for_anything(client):
    for path in PATHS:
        headers = (await client.get(path)).headers
        policy = dict(
            part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
        )
        assert policy["default-src"] == "'none'", path
        assert set(policy.values()) == {"'none'", "'self'"}, path
        assert headers["x-content-type-options"] == "nosniff", path


def test_no_file_names_another_host():
    for file in FILES:
        text = file.read_text("utf-8").replace(SVG_NAMESPACE, "")
        assert not re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", text), file


def test_the_html_holds_no_script_or_style_of_its_own():
    html = (FOLDER / "index.html").read_text("utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", html)


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip", "GZIP", "deflate, gzip;q=1.0, *;q=0.5"])
async def test_who_takes_gzip_gets_it(client, accepted):
    async with client.stream(
        "GET", "/page/app.js", headers={"accept-encoding": accepted}
    ) as answer:
        sent = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-length"] == str(len(sent))
    assert gzip.decompress(sent) == (FOLDER / "app.js").read_bytes()


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "x-gzip"])
async def test_nobody_else_does(client, accepted):
    answer = await client.get("/page/app.js", headers={"accept-encoding": accepted})
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("coding", ["gzip", "identity"])
async def test_who_has_a_file_is_told_that_it_is_the_same(client, coding):
    for path in PATHS:
        first = await client.get(path, headers={"accept-encoding": coding})
        assert first.headers["cache-control"] == "no-cache", path
        for known in (first.headers["etag"], f'"other", W/{first.headers["etag"]}', "*"):
            headers = {"accept-encoding": coding, "if-none-match": known}
            again = await client.get(path, headers=headers)
            assert (again.status_code, again.content) == (304, b""), path
            assert again.headers["etag"] == first.headers["etag"], path
        changed = await client.get(path, headers={"if-none-match": '"other"'})
        assert changed.status_code == 200, path


async def test_the_two_encodings_of_a_file_have_different_tags(client):
    tags = [
        (await client.get("/", headers={"accept-encoding": coding})).headers["etag"]
        for coding in ("gzip", "identity")
    ]
    assert tags[0] != tags[1]


@pytest.mark.parametrize("path", ["/", "/page/app.js"])
async def test_head_tells_what_get_would_bring(client, path):
    got, told = await client.get(path), await client.head(path)
    assert told.status_code == 200
    assert {**told.headers, "x-request-id": ""} == {**got.headers, "x-request-id": ""}


@pytest.mark.parametrize("path", ["/page", "/page/", "/page/none.js", "/page/index.html"])
async def test_what_is_no_file_is_not_found(client, path):
    error_of(await client.get(path), 404, "not_found")


async def test_a_page_takes_no_post(client):
    error_of(await client.post("/", json={}), 405, "method_not_allowed")


async def test_no_document_lists_the_page(client):
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert not [path for path in paths if path == "/" or path.startswith("/page")]


async def test_the_page_is_there_before_the_model(artifact_folder, load_held):
    may_load = threading.Event()

    def load():
        assert may_load.wait(PATIENCE_S)
        return load_held()

    async with serving(settings_of(artifact_folder), load, until_ready=False) as starting:
        page, info = await starting.get("/"), await starting.get("/info")
        may_load.set()
    assert page.status_code == 200
    error_of(info, 503, "starting")


def loaded_with(module):
    """A module and all that it imports at once, not those it imports on demand."""
    found, waiting = set(), [module]
    while waiting:
        if (file := waiting.pop().resolve()) not in found:
            found.add(file)
            imported = re.findall(
                r'^(?:import|export)\b.*?from "(\.[^"]+)"', file.read_text("utf-8"), re.M
            )
            waiting += [file.parent / name for name in imported]
    return found


def test_the_first_view_is_small_and_loads_no_other_view():
    files = loaded_with(FOLDER / "app.js") | loaded_with(FOLDER / "views/compare.js")
    assert not [file for file in files if {"map", "fill", "inside"} & {*file.parts, file.stem}]
    files |= {
        FOLDER / name for name in ("index.html", "style.css", "icon.svg", "views/compare.css")
    }
    total = sum(len(gzip.compress(file.read_bytes())) + HEADERS_BYTES for file in files)
    assert total < FIRST_VIEW_BYTES


def test_every_import_of_a_module_is_a_file():
    for file in (file for file in FILES if file.suffix == ".js"):
        imported = re.findall(r'(?:from|import)\s*\(?"(\.[^"]+)"', file.read_text("utf-8"))
        for name in imported:
            assert (file.parent / name).is_file(), f"{name} of {file}"
