"""Requests that a browser sends on behalf of a website that is not ours."""

import pytest

from service.environment import load_settings
from tests.service.serving import error_of, serving, settings_of

pytestmark = pytest.mark.anyio

REQUEST = b'{"texts": "a"}'


@pytest.fixture
async def named(artifact_folder):
    """A service that answers to two names."""
    settings = settings_of(artifact_folder, allowed_hosts="bilm.example, Localhost")
    async with serving(settings) as client:
        yield client


@pytest.mark.parametrize("host", ["bilm.example", "BILM.example:8000", "localhost:80"])
async def test_a_request_by_one_of_the_names_is_answered(named, host):
    assert (await named.get("/info", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "bilm.example.evil.example", "127.0.0.1:8000", ""]
)
@pytest.mark.parametrize("path", ["/info", "/", "/metrics"])
async def test_a_request_by_another_name_is_refused(named, host, path):
    error_of(await named.get(path, headers={"host": host}), 421, "unknown_host")


async def test_probes_are_answered_by_any_name(named):
    for path in ("/livez", "/readyz"):
        assert (await named.get(path, headers={"host": "10.0.0.7:8000"})).status_code == 200


async def test_without_names_every_one_is_ours(client):
    assert load_settings({}).hosts == frozenset()
    assert (await client.get("/info", headers={"host": "anything"})).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}],
)
async def test_an_untyped_request_of_a_foreign_page_is_refused(client, headers):
    answer = await client.post("/embed", content=REQUEST, headers=headers)
    error_of(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://service"},
        {"sec-fetch-site": "same-origin"},
        {"origin": "http://evil.example", "content-type": "application/json"},  # was preflighted
    ],
)
async def test_every_other_request_is_answered(client, headers):
    answer = await client.post("/embed", content=REQUEST, headers=headers)
    assert answer.status_code == 200
