"""/v1/embeddings, asked by the official Python client in its own ways, and by hand."""

import base64

import httpx
import numpy as np
import openai
import pytest

from tests.service.serving import embed, error_of, serving, settings_of, vectors_of

pytestmark = pytest.mark.anyio

TEXTS = ["我吃了一个苹果", "我在用苹果手机"]
CLOSE = {"rtol": 0, "atol": 1e-7}


@pytest.fixture
async def sdk(client):
    """The official client, talking to the app itself."""
    transport = httpx.ASGITransport(client.app)
    async with httpx.AsyncClient(transport=transport) as http:
        yield openai.AsyncOpenAI(
            base_url="http://service/v1", api_key="none", http_client=http, max_retries=0
        )


async def expected(client, texts):
    fields = {"level": "text", "center": True, "normalize": True}
    entries = (await embed(client, texts=texts, **fields))["data"]
    return np.concatenate([vectors_of(entry) for entry in entries])


@pytest.mark.parametrize("ways", [{}, {"encoding_format": "float"}, {"encoding_format": "base64"}])
async def test_the_official_client_gets_the_vectors_of_embed(client, sdk, ways):
    found = await sdk.embeddings.create(input=TEXTS, model="tiny", **ways)
    vectors = [
        np.frombuffer(base64.b64decode(one.embedding), "<f4")
        if isinstance(one.embedding, str)
        else one.embedding
        for one in found.data
    ]
    np.testing.assert_allclose(vectors, await expected(client, TEXTS), **CLOSE)
    assert [one.index for one in found.data] == [0, 1]
    assert found.model == "tiny"
    assert found.usage.prompt_tokens == found.usage.total_tokens == 12


async def test_vectors_have_unit_length_and_one_text_is_a_list_of_one(client, sdk):
    found = await sdk.embeddings.create(input=TEXTS[0], model="tiny", dimensions=24)
    (vector,) = [one.embedding for one in found.data]
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose([vector], await expected(client, TEXTS[:1]), **CLOSE)


async def test_the_answer_has_the_shape_of_openai_and_nothing_else(client):
    answer = await client.post("/v1/embeddings", json={"input": TEXTS[0], "user": "somebody"})
    body = answer.json()
    (one,) = body.pop("data")
    assert len(one.pop("embedding")) == 24
    assert one == {"object": "embedding", "index": 0}
    usage = {"prompt_tokens": 6, "total_tokens": 6}
    assert body == {"object": "list", "model": "tiny", "usage": usage}


@pytest.mark.parametrize(
    ("fields", "param", "says"),
    [
        ({"input": TEXTS, "model": "another"}, "model", "has the model 'tiny'"),
        ({"input": TEXTS, "dimensions": 12}, "dimensions", "has 24 numbers"),
        ({"input": ["苹果", ""]}, "input", "a text is empty"),
        ({"input": ["苹果", "\u0007"]}, "input", "text 1 has nothing"),
        ({"input": []}, "input", "at least 1"),
        ({"input": [1, 2]}, "input", "valid string"),
        ({"input": [[1, 2]]}, "input", "valid string"),
        ({"input": TEXTS, "encoding_format": "int8"}, "encoding_format", "base64"),
        ({"input": TEXTS, "surprise": 1}, "surprise", "Extra"),
    ],
)
async def test_what_cannot_be_answered_is_refused_by_name(client, fields, param, says):
    error = error_of(await client.post("/v1/embeddings", json=fields), 422, "validation_error")
    assert error["param"] == param
    assert says in error["message"]


async def test_the_official_client_tells_a_refusal_as_its_own_error(sdk):
    with pytest.raises(openai.UnprocessableEntityError, match="a text is empty") as refused:
        await sdk.embeddings.create(input="", model="tiny")
    assert (refused.value.code, refused.value.param) == ("validation_error", "input")
    assert refused.value.body["details"]["index"] == 0


async def test_the_official_client_sends_its_key(artifact_folder):
    async with serving(settings_of(artifact_folder, api_keys="first-key-1")) as client:
        transport = httpx.ASGITransport(client.app)
        async with httpx.AsyncClient(transport=transport) as http:
            ways = {"base_url": "http://service/v1", "http_client": http, "max_retries": 0}
            right = openai.AsyncOpenAI(api_key="first-key-1", **ways)
            assert (await right.embeddings.create(input="苹果", model="tiny")).data
            wrong = openai.AsyncOpenAI(api_key="another-key", **ways)
            with pytest.raises(openai.AuthenticationError):
                await wrong.embeddings.create(input="苹果", model="tiny")


async def test_a_remedy_is_one_this_path_offers(artifact_folder):
    limits = {"max_text_pieces": 5, "max_request_pieces": 5}
    async with serving(settings_of(artifact_folder, **limits)) as client:
        answer = await client.post("/v1/embeddings", json={"input": TEXTS})
    error = error_of(answer, 422, "text_too_long")
    assert (error["param"], error["details"]["index"]) == ("input", 0)
    assert "limit is 5; send fewer or shorter texts" in error["message"]
    assert "truncate" not in error["message"]


async def test_too_many_texts_are_refused_as_everywhere(artifact_folder):
    async with serving(settings_of(artifact_folder, max_texts=1)) as client:
        answer = await client.post("/v1/embeddings", json={"input": TEXTS})
        assert error_of(answer, 413, "too_many_texts")["details"]["limit"] == 1
