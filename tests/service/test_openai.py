"""/v1/embeddings, asked by the official Python client in its own ways, and by hand."""

import base64

import httpx
import numpy as np
import openai
import pytest

from service.paths.openai import OpenAIRequest, plan_openai
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
        ({"input": TEXTS, "dimensions": 12}, "dimensions", "has 24 numbers"),
        ({"input": ["苹果", ""]}, "input", "text 1 is empty"),
        ({"input": ["苹果", "\u0007"]}, "input", "text 1 has nothing"),
        ({"input": []}, "input", "send at least one"),
        ({"input": ["苹果", 1]}, "input", "text 1: it is a whole number; send a string"),
        ({"input": [1, "苹果"]}, "input", "text 0: item 1 is a string; send a whole number"),
        ({"input": [[1, 2], "苹果"]}, "input", "text 1: it is a string; send a list of piece ids"),
        ({"input": [[1, 2], []]}, "input", "text 1 is empty"),
        (
            {"input": [[1, 2], [346]]},
            "input",
            "text 1 has an id outside 0 to 345; send ids of this",
        ),
        ({"input": [True]}, "input", "text 0: item 0 is true or false; send a whole number"),
        ({"input": [10**400]}, "input", "text 0 has an id outside"),
        ({"input": TEXTS, "dimensions": 10**400}, "dimensions", "has 24 numbers"),
        ({"input": TEXTS, "truncate": "middle"}, "truncate", "'START'"),
        ({"input": TEXTS, "truncate_prompt_tokens": 0}, "truncate_prompt_tokens", "at least 1"),
        ({"input": TEXTS, "truncate_prompt_tokens": -2}, "truncate_prompt_tokens", "to -1"),
        ({"input": TEXTS, "encoding_format": "int8"}, "encoding_format", "base64"),
        ({"input": TEXTS, "surprise": 1}, "surprise", "Extra"),
    ],
)
async def test_what_cannot_be_answered_is_refused_by_name(client, fields, param, says):
    error = error_of(await client.post("/v1/embeddings", json=fields), 422, "validation_error")
    assert error["param"] == param
    assert says in error["message"]
    assert "send fewer" not in error["message"]


async def test_the_official_client_tells_a_refusal_as_its_own_error(sdk):
    with pytest.raises(openai.UnprocessableEntityError, match="text 0 is empty") as refused:
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
    assert "text 0 has at least 6 pieces; the limit is 5; send fewer" in error["message"]
    assert '"truncate": "right"' in error["message"]


async def test_too_many_inputs_are_refused_by_the_limit_of_this_path(artifact_folder):
    async with serving(settings_of(artifact_folder, max_texts=1, max_inputs=2)) as client:
        assert (await client.post("/v1/embeddings", json={"input": TEXTS})).status_code == 200
        answer = await client.post("/v1/embeddings", json={"input": [*TEXTS, "苹果"]})
        details = error_of(answer, 413, "too_many_texts")["details"]
        assert (details["limit"], details["actual"]) == (2, 3)
        assert details["setting"] == "max_inputs"


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/models/another"])
async def test_another_model_is_not_found_as_at_openai(client, path):
    if path == "/v1/embeddings":
        answer = await client.post(path, json={"input": TEXTS, "model": "another"})
    else:
        answer = await client.get(path)
    error = error_of(answer, 404, "model_not_found")
    assert "has the model 'tiny'" in error["message"]
    assert error["param"] == ("model" if path == "/v1/embeddings" else None)


async def test_the_official_client_finds_the_model(sdk):
    assert [model.id async for model in sdk.models.list()] == ["tiny"]
    assert (await sdk.models.retrieve("tiny")).object == "model"
    for name in ("another", "tiny/more"):
        with pytest.raises(openai.NotFoundError) as refused:
            await sdk.models.retrieve(name)
        assert refused.value.code == "model_not_found"


async def vectors_of_input(client, given, **ways):
    answer = await client.post("/v1/embeddings", json={"input": given, **ways})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert [one["index"] for one in body["data"]] == list(range(len(body["data"])))
    return np.array([one["embedding"] for one in body["data"]])


async def test_piece_ids_are_read_like_their_texts(client):
    cut = (await client.post("/tokenize", json={"texts": TEXTS})).json()["data"]
    lists = [one["ids"] for one in cut]
    np.testing.assert_array_equal(
        await vectors_of_input(client, lists), await vectors_of_input(client, TEXTS)
    )
    np.testing.assert_array_equal(
        await vectors_of_input(client, lists[0]), await vectors_of_input(client, TEXTS[:1])
    )


async def test_as_many_inputs_as_openai_takes_are_planned(client):
    texts = [f"第{number}条" for number in range(2048)]
    runtime = client.runtime
    plan = plan_openai(OpenAIRequest(input=texts), runtime.loaded_engine(), runtime.settings)
    assert len(plan.questions) == 2048
    answer = await client.post("/v1/embeddings", json={"input": [*texts, "苹果"]})
    error_of(answer, 413, "too_many_texts")


@pytest.mark.parametrize(
    "ways",
    [
        {"encoding_format": None, "user": None, "dimensions": None, "model": None},
        {"input_type": "query", "truncate": "NONE", "user": "somebody"},
        {"truncate_prompt_tokens": None, "truncate": None, "input_type": None},
        {"truncate_prompt_tokens": -1, "add_special_tokens": True},
        {"truncate_prompt_tokens": 8192, "truncation_side": "left"},
        {"truncate": True},
    ],
)
async def test_what_other_servers_know_changes_nothing_for_texts_that_fit(client, ways):
    np.testing.assert_array_equal(
        await vectors_of_input(client, TEXTS, **ways), await vectors_of_input(client, TEXTS)
    )


LONG = "我吃了一个苹果我在用苹果手机"


@pytest.fixture(scope="module")
async def short(artifact_folder):
    """Return a client of the app with a limit that LONG exceeds."""
    async with serving(settings_of(artifact_folder, max_text_pieces=6)) as client:
        yield client


@pytest.mark.parametrize(
    ("ways", "left"),
    [
        ({"truncate_prompt_tokens": 3}, slice(3)),
        ({"truncate_prompt_tokens": 3, "truncation_side": "left"}, slice(-3, None)),
        ({"truncate_prompt_tokens": 3, "truncate": "START"}, slice(-3, None)),
        ({"truncate_prompt_tokens": -1}, slice(6)),
        ({"truncate": "END"}, slice(6)),
        ({"truncate": True}, slice(6)),
        ({"truncate": "right"}, slice(6)),
        ({"truncate": "left"}, slice(-6, None)),
        ({"truncate": "START"}, slice(-6, None)),
    ],
)
async def test_a_long_text_is_cut_in_the_words_of_other_servers(short, cut, ways, left):
    found = await vectors_of_input(short, LONG, **ways)
    expected = await vectors_of_input(short, [cut(LONG)[left]])
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("side", ["right", "left"])
async def test_a_character_that_is_cut_off_is_not_called_unreadable(client, side):
    body = {"input": ["木", "𠮷"], "truncate_prompt_tokens": 3, "truncation_side": side}
    error = error_of(await client.post("/v1/embeddings", json=body), 422, "validation_error")
    assert error["message"] == (
        "input: text 1 has no character of at most 3 pieces where the rest is cut off; send a"
        " larger truncate_prompt_tokens"
    )
    assert error["details"]["index"] == 1


@pytest.mark.parametrize(
    "ways", [{}, {"truncate": False}, {"truncate": "NONE"}, {"truncate_prompt_tokens": 7}]
)
async def test_a_long_text_is_refused_unless_it_may_be_cut(short, ways):
    answer = await short.post("/v1/embeddings", json={"input": LONG, **ways})
    error_of(answer, 422, "text_too_long")


async def test_cutting_and_refusing_contradict_each_other(client):
    ways = {"truncate": "error", "truncate_prompt_tokens": 3}
    answer = await client.post("/v1/embeddings", json={"input": TEXTS, **ways})
    error = error_of(answer, 422, "validation_error")
    assert error["param"] == "truncate_prompt_tokens"
