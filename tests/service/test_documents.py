"""What the service says of itself: /docs, /openapi.json, /info, and its log."""

import asyncio
import base64
import hashlib
import json
import logging
import re
import sys
import threading
from urllib.parse import urljoin

import pytest

from service.errors import STATUS_OF
from service.log import JsonLines, fields
from service.openapi import Api
from service.paths.embed import EXAMPLES, EmbedRequest
from service.settings import Settings
from tests.service.serving import error_of, serving, settings_of

pytestmark = pytest.mark.anyio

# Refusals of methods that no document lists, and of requests that do not get as far as a path.
ANY_PATH = {
    "method_not_allowed",
    "invalid_http",
    "headers_too_large",
    "unknown_host",
    "too_many_connections",
}


@pytest.fixture(scope="module")
async def document(client):
    return (await client.get("/openapi.json")).json()


def documented_codes(document):
    return {
        (int(status), code.strip("`"))
        for path in document["paths"].values()
        for operation in path.values()
        for status, response in operation["responses"].items()
        if int(status) >= 400
        for code in response["description"].split(", ")
    }


async def test_the_documented_refusals_are_the_table(document):
    table = {(status, code) for code, status in STATUS_OF.items() if code not in ANY_PATH}
    assert documented_codes(document) == table


@pytest.mark.parametrize(("code", "status"), STATUS_OF.items())
async def test_the_head_of_the_document_lists_every_code(document, code, status):
    assert f"| {status} | `{code}` |" in document["info"]["description"]


async def test_every_reference_of_the_document_resolves(document):
    text = json.dumps(document)
    referred = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert referred <= document["components"]["schemas"].keys()
    assert {"EmbedRequest", "FillRequest", "TokenizeRequest", "ErrorAnswer"} <= referred


async def test_every_field_of_a_request_is_described(document):
    described = document["components"]["schemas"]["EmbedRequest"]["properties"]
    assert described.keys() == EmbedRequest.model_fields.keys()
    assert all(field["description"] for field in described.values())


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
async def test_every_documented_example_is_answered(client, example):
    assert (await client.post("/embed", json=example["value"])).status_code == 200


async def test_the_answers_have_the_documented_fields(client, document):
    answer = (await client.post("/embed", json=EXAMPLES["pieces"]["value"])).json()
    schemas = document["components"]["schemas"]
    assert answer.keys() | {"layers"} == schemas["EmbedAnswer"]["properties"].keys()
    documented = schemas["Embedded"]["properties"].keys()
    assert answer["data"][0].keys() | {"empty", "empty_rows"} == documented
    info = (await client.get("/info")).json()
    assert info.keys() == schemas["InfoAnswer"]["properties"].keys()


async def test_the_documentation_is_a_page_of_files_that_the_service_has(client):
    answer = await client.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    files = re.findall(r'(?:href|src)="([^"]+)"', answer.text)
    assert len(files) == 3
    for file in files:
        assert (await client.get(urljoin("/docs", file))).status_code == 200, file


async def test_info_tells_model_mixes_limits_and_features(client, artifact):
    info = (await client.get("/info")).json()

    assert info["model"]["num_pieces"] == artifact.config.num_pieces
    assert info["mixes"]["top"] == {"name": "top", "weights": [0.0, 0.0, 1.0], "gamma": 2.0}
    assert info["limits"].keys() == Settings.model_fields.keys()
    assert info["limits"]["max_text_pieces"] == 8192
    assert info["features"] == {"fill": True, "context": True, "complete": True, "inspect": False}
    assert info["card"] == {"data": "none: random weights"}
    assert info["pieces_per_s"] > 0
    assert info["precision"] == "float32"
    assert info["self_test_deviation"] < 1e-4
    assert info["versions"]["torch"].startswith("2.")


@pytest.mark.parametrize(("accepted", "coding"), [("gzip, br", "gzip"), ("identity", None)])
async def test_info_is_compressed_for_who_takes_it(client, accepted, coding):
    answer = await client.get("/info", headers={"accept-encoding": accepted})
    assert answer.headers.get("content-encoding") == coding
    assert answer.json()["model"]["id"] == "tiny"


async def test_a_request_leaves_one_line_without_its_text(client, caplog):
    caplog.set_level(logging.INFO)
    headers = {"x-request-id": "r-1"}
    await client.post("/embed", json={"texts": "我吃了一个苹果"}, headers=headers)

    (record,) = [record for record in caplog.records if record.name == "service.middleware"]
    line = json.loads(JsonLines().format(record))
    assert line.pop("duration_ms") >= 0
    assert line.pop("time")
    assert line == {
        "level": "info",
        "event": "request",
        "client": "127.0.0.1",
        "method": "POST",
        "path": "/embed",
        "status": 200,
        "pieces": 6,
        "request_id": "r-1",
    }


async def test_the_page_of_the_documentation_runs_no_script_but_its_own(client):
    answer = await client.get("/docs")
    (script,) = re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert f"script-src 'self' 'sha256-{digest}';" in policy
    page = await client.get("/")
    for name in ("x-content-type-options", "referrer-policy", "cross-origin-opener-policy"):
        assert answer.headers[name] == page.headers[name]


async def test_the_document_is_made_once_and_not_on_the_loop(artifact_folder, monkeypatch):
    made = []

    def openapi(self, original=Api.openapi):
        made.append(threading.current_thread())
        return original(self)

    monkeypatch.setattr(Api, "openapi", openapi)
    async with serving(settings_of(artifact_folder)) as client:
        answers = await asyncio.gather(*(client.get("/openapi.json") for _ in range(5)))
        known = {"if-none-match": answers[0].headers["etag"]}
        assert (await client.get("/openapi.json", headers=known)).status_code == 304
    assert len(made) == 1
    assert made[0] is not threading.main_thread()
    assert {answer.content for answer in answers} == {answers[0].content}
    assert "FillRequest" in answers[0].json()["components"]["schemas"]


FILES_OF = {
    "page": ["/", "/page/app.js", "/page/icon.svg"],
    "docs": ["/docs", "/docs/swagger-ui.css", "/openapi.json"],
}


@pytest.mark.parametrize("setting", FILES_OF)
async def test_page_and_documents_can_be_switched_off(artifact_folder, setting):
    settings = settings_of(artifact_folder, api_keys="first-key-1", **{setting: False})
    async with serving(settings) as client:
        for other, paths in FILES_OF.items():
            for path in paths:
                answer = await client.get(path)
                if other != setting:
                    assert answer.status_code == 200, path
                    continue
                error_of(answer, 404, "not_found")
                assert (await client.head(path)).status_code == 404, path
        error_of(await client.get("/info"), 401, "invalid_api_key")


async def test_without_documents_no_refusal_refers_to_them(artifact_folder):
    many = {f"field-{number}": 1 for number in range(300)}
    async with serving(settings_of(artifact_folder, docs=False)) as client:
        for answer, says in (
            (await client.get("/nowhere"), "there is nothing at this path; correct the address"),
            (await client.get("/docs/"), "there is nothing at this path; correct the address"),
            (await client.get("/embed/"), "did you mean /embed?"),
            (await client.get("/embed"), "this path takes POST"),
            (await client.post("/embed", json={"texts": 1}), "texts: it is a whole number; send"),
            (await client.post("/embed", json=[]), "the body: it is a list"),
            (await client.post("/embed", json=many), "fields that this path does not have"),
        ):
            message = answer.json()["error"]["message"]
            assert says in message
            assert "/docs" not in message


async def test_head_is_get_without_a_body(client, document):
    documented = [path for path, methods in document["paths"].items() if "get" in methods]
    for path in (
        *documented,
        "/",
        "/docs",
        "/openapi.json",
        "/page/app.js",
        "/docs/swagger-ui.css",
    ):
        path = path.format(model_id="tiny")
        got, head = await client.get(path), await client.head(path)
        assert head.status_code == got.status_code == 200, path
        assert head.content == b""
        for name in ("content-type", "content-length"):
            if path != "/metrics" or name != "content-length":  # which grows
                assert head.headers[name] == got.headers[name], (path, name)
    assert (await client.head("/embed")).status_code == 405


async def test_a_long_path_is_cut_in_the_log_and_probes_are_not_worth_a_line(client, caplog):
    caplog.set_level(logging.DEBUG)
    await client.get("/" + "a" * 5000)
    await client.get("/livez")
    await client.get("/metrics")
    long, *routine = [record for record in caplog.records if record.name == "service.middleware"]
    assert (long.levelname, long.fields["path"]) == ("INFO", "/" + "a" * 199)
    assert [record.levelname for record in routine] == ["DEBUG", "DEBUG"]


def test_a_logged_fault_carries_its_traceback():
    try:
        raise ValueError("found")
    except ValueError:
        cause = sys.exc_info()
    record = logging.LogRecord("name", logging.ERROR, "path", 1, "event", (), cause)
    record.__dict__.update(fields(number=1))
    line = json.loads(JsonLines().format(record))
    assert (line["event"], line["number"]) == ("event", 1)
    assert "ValueError: found" in line["traceback"]
