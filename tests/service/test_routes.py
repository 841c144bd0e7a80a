"""Which path a request reaches, by which method and prefix, and what a client may accept."""

import json
from contextlib import closing

import pytest
from pydantic import ValidationError

from service.app import API_PATHS, KNOWN_PATHS
from service.router import suggestion
from service.settings import OWN_SEGMENTS
from tests.live import service_url  # noqa: F401 - a fixture
from tests.service.raw import HOST, Raw
from tests.service.serving import error_of, serving, settings_of

pytestmark = pytest.mark.anyio

TEXTS = json.dumps({"texts": "苹果"}).encode()
JSON = {"content-type": "application/json"}
POSTED = ["/embed", "/v1/embeddings", "/similarity", "/fill", "/complete", "/tokenize"]
READ = ["/info", "/health", "/livez", "/readyz", "/metrics", "/v1/models", "/v1/models/tiny"]


# Methods.


@pytest.mark.parametrize("path", [*READ, "/", "/docs", "/openapi.json"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_a_path_that_is_read_says_so(client, path, method):
    answer = await client.request(method, path)
    error_of(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", POSTED)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS", "TRACE"])
async def test_a_path_that_takes_a_body_says_so(client, path, method):
    answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


# Probes.


async def test_health_is_readyz_by_another_name(artifact_folder, client):
    for path in ("/health", "/readyz"):
        assert (await client.get(path)).json() == {"status": "ready"}
    async with serving(settings_of(artifact_folder)) as leaving:
        leaving.runtime.drain()
        for path in ("/health", "/readyz"):
            error_of(await leaving.get(path), 503, "draining")
            assert (await leaving.head(path)).status_code == 503


async def test_probes_need_neither_key_nor_host_and_models_do(artifact_folder):
    settings = settings_of(artifact_folder, api_keys="first-key-1", allowed_hosts="bilm.example")
    async with serving(settings) as client:
        for path in ("/health", "/livez", "/readyz"):
            assert (await client.get(path)).status_code == 200, path
        named = {"host": "bilm.example"}
        for path in ("/v1/models", "/v1/models/tiny", "/info", "/%69nfo"):
            error_of(await client.get(path, headers=named), 401, "invalid_api_key")
            assert (await client.head(path, headers=named)).status_code == 401
            error_of(await client.get(path), 421, "unknown_host")


# Paths.


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/embed/", "/embed"),
        ("//embed", "/embed"),
        ("/v1//embeddings", "/v1/embeddings"),
        ("/v1/embeddings/", "/v1/embeddings"),
        ("/embeddings", "/v1/embeddings"),
        ("/v1/embedding", "/v1/embeddings"),
        ("/v1/v1/embeddings", "/v1/embeddings"),
        ("/models", "/v1/models"),
        ("/bilm/embed", "/embed"),
        ("/Embed", "/embed"),
        ("/tokenise", "/tokenize"),
        ("/healthz", "/health"),
        ("/ready", "/readyz"),
        ("/docs/", "/docs"),
        ("/nowhere", None),
        ("/" + "a/" * 5000, None),
        ("//", None),
        ("/v1/chat/completions", None),
    ],
)
async def test_a_path_that_leads_nowhere_names_the_one_that_was_meant(client, path, meant):
    answer = await client.post(f"http://service{path}", json={})
    message = error_of(answer, 404, "not_found")["message"]
    assert (f"did you mean {meant}?" in message) if meant else ("see /docs" in message)


def test_every_path_is_its_own_suggestion():
    assert [suggestion(f"{path}/", KNOWN_PATHS) for path in KNOWN_PATHS] == KNOWN_PATHS
    assert set(API_PATHS) > {*POSTED, "/health", "/v1/models"}


async def test_a_path_may_be_written_in_percent_signs(client):
    assert (await client.post("/%65mbed", content=TEXTS, headers=JSON)).status_code == 200
    for path in ("/embed%2f", "/embed%00", "/%2fembed", "/embed%20"):
        answer = await client.post(path, content=TEXTS, headers=JSON)
        error_of(answer, 404, "not_found")


# The query of an address.


@pytest.mark.parametrize("path", POSTED)
async def test_parameters_that_are_no_fields_are_ignored(client, path):
    plain = await client.post(path, content=b"{}", headers=JSON)
    answer = await client.post(f"{path}?api-version=2024-06-01&x", content=b"{}", headers=JSON)
    assert answer.status_code == plain.status_code == 422
    assert answer.json()["error"]["message"] == plain.json()["error"]["message"]


async def test_a_field_in_the_query_is_refused_as_it_would_have_no_effect(client):
    answer = await client.post("/embed?level=text&x=1", content=TEXTS, headers=JSON)
    error = error_of(answer, 422, "validation_error")
    assert error["param"] == "level"
    assert "send it in the JSON body" in error["message"]


@pytest.mark.parametrize("path", READ)
async def test_a_query_changes_nothing_where_nothing_is_asked(client, path):
    assert (await client.get(f"{path}?texts=a&_=1")).status_code == 200


# What the client takes.


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "application/json"),
        (",", "application/json"),
        ("application/json;q=0.5, application/x-ndjson;q=0.9", "application/x-ndjson"),
        ("application/json; q=0.9 , application/x-ndjson; q=0.8", "application/json"),
        ("APPLICATION/X-NDJSON", "application/x-ndjson"),
        ("application/json; charset=utf-8", "application/json"),
        ("application/json;q=0, */*;q=0.1", "application/vnd.safetensors"),
        ("text/html;q=1, */*;q=0.01", "application/json"),
        ("application/*;q=0.2, application/x-ndjson;q=0.1", "application/json"),
    ],
)
async def test_accept_is_weighed_by_its_qualities(client, accept, media_type):
    answer = await client.post("/embed", content=TEXTS, headers={**JSON, "accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)


@pytest.mark.parametrize(
    ("codings", "coding"),
    [
        ("gzip; q=1.0", "gzip"),
        ("gzip;q=0.5", "gzip"),
        ("identity;q=0, gzip;q=0.5", "gzip"),
        ("identity;q=0.5, gzip;q=0.4", None),
        ("gzip;q=0, identity", None),
        ("identity;q=0", None),
        ("*;q=0", None),
        ("*", None),
    ],
)
async def test_accept_encoding_is_weighed_by_its_qualities(client, codings, coding):
    for path in ("/info", "/", "/page/app.js"):
        answer = await client.get(path, headers={"accept-encoding": codings})
        assert (answer.status_code, answer.headers.get("content-encoding")) == (200, coding), path
    # A body of vectors is never compressed, which HTTP allows even where it was not wished for.
    headers = {**JSON, "accept-encoding": codings}
    answer = await client.post("/embed", content=TEXTS, headers=headers)
    assert (answer.status_code, answer.headers.get("content-encoding")) == (200, None)


# Transfer codings, over a real connection.


@pytest.mark.parametrize(
    ("coding", "status"),
    [(b"chunked", 200), (b"Chunked", 200), (b"gzip, chunked", 415), (b"identity, chunked", 200)],
)
def test_a_body_in_chunks_is_read_and_one_in_another_coding_refused(service_url, coding, status):  # noqa: F811
    head = b"POST /tokenize HTTP/1.1\r\n" + HOST + b"transfer-encoding: " + coding + b"\r\n\r\n"
    with closing(Raw(int(service_url.rpartition(":")[2]))) as raw:
        answer = raw.ask(head, b"%x\r\n" % len(TEXTS), TEXTS, b"\r\n0\r\n\r\n")
    assert answer.status == status, answer.body


# Prefixes.


@pytest.fixture(scope="module")
async def prefixed(artifact_folder):
    settings = settings_of(artifact_folder, path_prefix="/a/bilm/", api_keys="first-key-1")
    async with serving(settings) as client:
        yield client


@pytest.mark.parametrize("prefix", ["", "/a/bilm"])
async def test_a_prefix_that_a_proxy_leaves_is_removed(prefixed, prefix):
    key = {"x-api-key": "first-key-1"}
    assert (await prefixed.get(f"{prefix}/v1/models", headers=key)).status_code == 200
    answer = await prefixed.post(f"{prefix}/embed", content=TEXTS, headers={**JSON, **key})
    assert answer.status_code == 200
    error_of(await prefixed.get(f"{prefix}/info"), 401, "invalid_api_key")
    for path in ("/", "/docs", "/page/app.js", "/readyz", "/openapi.json"):
        assert (await prefixed.get(prefix + path)).status_code == 200, path


@pytest.mark.parametrize("path", ["/a/bilmx/info", "/a/info", "/a/bilm/a/bilm/info", "/bilm/info"])
async def test_no_other_prefix_is_removed(prefixed, path):
    answer = await prefixed.get(path, headers={"x-api-key": "first-key-1"})
    error_of(answer, 404, "not_found")


@pytest.mark.parametrize("value", ["bilm", "/a//b", "/a?b", "/a b", "//"])
def test_a_prefix_is_a_path(artifact_folder, value):
    if value == "//":  # nothing is left without the slashes at its end
        assert settings_of(artifact_folder, path_prefix=value).path_prefix == ""
        return
    with pytest.raises(ValidationError, match="a path such as /bilm"):
        settings_of(artifact_folder, path_prefix=value)


@pytest.mark.parametrize("value", ["/v1", "/v1/models", "/docs/", "/page/app"])
def test_a_prefix_may_not_hide_a_path(artifact_folder, value):
    with pytest.raises(ValidationError, match="would hide: choose another, such as /bilm"):
        settings_of(artifact_folder, path_prefix=value)


def test_the_paths_that_a_prefix_could_hide_are_those_below_others(client):
    paths = [route.path.split("/") for route in client.app.router.routes]
    assert {path[1] for path in paths if len(path) > 2} == OWN_SEGMENTS


async def test_the_document_s_address_is_where_its_paths_are(client):
    document = (await client.get("/openapi.json")).json()
    assert document["servers"] == [{"url": "."}]
