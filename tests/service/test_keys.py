"""API keys: who gets in, and that neither answers nor logs tell a key."""

import json
import logging

import httpx
import pytest

from service.__main__ import main
from service.environment import load_settings
from service.errors import SettingsError
from service.log import JsonLines
from service.paths import ROUTES
from tests.service.serving import error_of, serving, settings_of

pytestmark = pytest.mark.anyio

KEYS = "first-key-1, second-key-2"
OPEN = ["/", "/docs", "/docs/swagger-ui.css", "/health", "/livez", "/openapi.json", "/readyz"]
REQUEST = {"json": {"texts": "苹果"}}


@pytest.fixture(scope="module")
async def guarded(artifact_folder):
    async with serving(settings_of(artifact_folder, api_keys=KEYS)) as client:
        yield client


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer first-key-1"},
        {"authorization": "bearer  second-key-2"},
        {"x-api-key": "second-key-2"},
        {"authorization": "Bearer wrong-key-0", "x-api-key": "first-key-1"},
        {"authorization": "Basic dXNlcjpwYXNz", "x-api-key": "first-key-1"},
    ],
)
async def test_any_of_the_keys_opens_by_either_header(guarded, headers):
    assert (await guarded.post("/embed", headers=headers, **REQUEST)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": "first-key-1"},
        {"authorization": "Basic first-key-1"},
        {"authorization": "Bearer first-key-"},
        {"authorization": "Bearer first-key-12"},
        {"authorization": "Bearer FIRST-KEY-1"},
        {"authorization": f"Bearer {KEYS}"},
        {"x-api-key": ""},
        {"x-api-key": b"first-key-1\xff"},
    ],
)
@pytest.mark.parametrize(
    "path", ["/complete", "/embed", "/fill", "/similarity", "/tokenize", "/nowhere"]
)
async def test_nobody_gets_in_without_a_key(guarded, path, headers):
    answer = await guarded.post(path, headers=headers, **REQUEST)
    error = error_of(answer, 401, "invalid_api_key")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "X-API-Key" in error["message"]


async def test_info_needs_a_key_and_does_not_tell_any(guarded):
    error_of(await guarded.get("/info"), 401, "invalid_api_key")
    answer = await guarded.get("/info", headers={"x-api-key": "first-key-1"})
    assert answer.json()["limits"]["api_keys"] == "**********"


@pytest.mark.parametrize("path", OPEN)
async def test_probes_and_documents_are_open(guarded, path):
    assert (await guarded.get(path)).status_code == 200


@pytest.mark.parametrize("path", ["/page/app.js", "/page/words/shell.js"])
async def test_the_page_is_open(guarded, path):
    assert (await guarded.get(path)).status_code == 200


@pytest.mark.parametrize("path", ["/page", "/page/../info", "/page/%2e%2e/info", "//page/app.js"])
async def test_no_path_beside_the_page_leads_past_the_key(guarded, path):
    target = httpx.URL("http://service").copy_with(raw_path=path.encode())
    answer = await guarded.send(httpx.Request("GET", target))
    assert answer.status_code in (401, 404)
    assert "limits" not in answer.text


async def test_every_other_path_is_not(guarded):
    closed = {route.path for route in ROUTES} - set(OPEN)
    assert {"/embed", "/info", "/metrics", "/v1/embeddings"} <= closed
    for path in closed:
        for ask in (guarded.get, guarded.post):
            error_of(await ask(path), 401, "invalid_api_key")


async def test_without_keys_everybody_may_ask(client):
    headers = {"authorization": "Bearer anything"}
    assert (await client.post("/embed", headers=headers, **REQUEST)).status_code == 200


async def test_no_log_line_tells_a_key(guarded, caplog):
    caplog.set_level(logging.INFO)
    for key in ("first-key-1", "wrong-key-0"):
        await guarded.post("/embed", headers={"x-api-key": key}, **REQUEST)
    lines = [JsonLines().format(record) for record in caplog.records]
    assert len(lines) >= 2
    assert not any("-key-" in line for line in lines)


def test_neither_does_the_effective_configuration(monkeypatch, capsys):
    monkeypatch.setenv("BILM_API_KEYS", KEYS)
    assert main(["--check-config"]) == 0
    assert json.loads(capsys.readouterr().out)["api_keys"] == "**********"


@pytest.mark.parametrize("keys", ["short", "first-key-1,", ",", "with a space", "schlüssel-1", " "])
def test_a_key_nobody_could_send_is_refused_without_telling_it(keys):
    with pytest.raises(SettingsError, match=r"BILM_API_KEYS: .*key [12] cannot be used") as refusal:
        load_settings({"api_keys": keys})
    assert keys.strip(" ,") not in str(refusal.value) or not keys.strip(" ,")
