"""The binary answer of /embed, read by the safetensors library, against the JSON answer."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load

from service.wire import to_safetensors
from tests.service.serving import embed, error_of, vectors_of

pytestmark = pytest.mark.anyio

MEDIA_TYPE = "application/vnd.safetensors"
TEXTS = ["我吃了一个苹果", "", "苹果手机"]


async def tensors(client, accept=MEDIA_TYPE, **fields):
    answer = await client.post("/embed", json=fields, headers={"accept": accept})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPE
    return answer.content


def metadata_of(body, tmp_path):
    path = tmp_path / "answer.safetensors"
    path.write_bytes(body)
    with safe_open(path, "np") as file:
        return {name: json.loads(value) for name, value in file.metadata().items()}


@pytest.mark.parametrize(
    "fields",
    [
        {"texts": TEXTS},
        {"texts": TEXTS, "dtype": "float16"},
        {"texts": TEXTS, "layers": [0, 2, "context"], "center": True},
        {"texts": TEXTS, "level": "char"},
        {"texts": ["我\u200b吃", "\ufeff"], "level": "char"},
        {"texts": TEXTS, "level": "text"},
        {"words": [["我", "吃"], ["苹果"]]},
        {"texts": TEXTS[:1], "level": "span", "spans": [[[0, 1], [5, 7]]]},
        {"ids": [[5, 6, 7], [8]]},
    ],
)
async def test_tensors_and_metadata_are_the_json_answer(client, tmp_path, fields):
    body = await tensors(client, **fields)
    found, rest = load(body), metadata_of(body, tmp_path)
    expected = await embed(client, **fields)
    entries = expected.pop("data")
    axis = 1 if "layers" in fields else 0
    rows = [vectors_of(entry) for entry in entries]
    np.testing.assert_array_equal(found["embedding"], np.concatenate(rows, axis))
    assert found["embedding"].dtype == rows[0].dtype
    assert found["row_splits"].dtype == np.int64
    assert found["row_splits"].tolist() == [0, *np.cumsum([one.shape[axis] for one in rows])]
    for name in ("offsets", "ids"):
        together = [value for entry in entries for value in entry.pop(name, None) or ()]
        assert found.get(name, np.array([])).tolist() == together
        assert name not in found or found[name].dtype == np.int32
    for entry, given in zip(entries, rest.pop("data"), strict=True):
        in_tensors = {"shape", "dtype", "embedding", "ids", "offsets"}
        assert {n: v for n, v in given.items() if n != "offsets"} == {
            n: v for n, v in entry.items() if n not in in_tensors
        }
    assert rest == expected


async def test_the_same_request_has_the_same_bytes(client):
    bodies = {await tensors(client, texts=TEXTS) for _ in range(20)}
    assert len(bodies) == 1


@pytest.mark.parametrize(
    "accept",
    [
        "application/vnd.safetensors, application/json;q=0.5",
        "application/json;q=0.5, application/vnd.safetensors",
        "*/*, application/vnd.safetensors",
        "application/json;q=0, */*",
    ],
)
async def test_the_media_type_the_caller_likes_best_is_sent(client, accept):
    assert load(await tensors(client, accept, texts=TEXTS))["ids"].size


@pytest.mark.parametrize(
    "accept", ["*/*", "application/*", "application/json", "text/html, */*;q=0.1"]
)
async def test_json_is_usual(client, accept):
    answer = await client.post("/embed", json={"texts": ""}, headers={"accept": accept})
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/tokenize", "/fill", "/complete", "/similarity"])
async def test_only_embed_has_tensors(client, path):
    answer = await client.post(path, json={}, headers={"accept": MEDIA_TYPE})
    error_of(answer, 406, "not_acceptable")


async def test_a_number_that_does_not_fit_is_refused(client):
    fields = {"texts": TEXTS, "mix": {"weights": [1e6, 0, 0]}, "dtype": "float16"}
    answer = await client.post("/embed", json=fields, headers={"accept": MEDIA_TYPE})
    assert error_of(answer, 422, "validation_error")["param"] == "dtype"


def test_every_tensor_is_aligned_and_read_by_the_library():
    given = {
        "halves": np.arange(3, dtype="<f2"),
        "ids": np.arange(5, dtype="<i4"),
        "nothing": np.zeros((0, 7), dtype="<f4"),
        "splits": np.arange(2, dtype="<i8"),
    }
    body = to_safetensors(given, {"model": {"id": "m"}})
    found = load(body)
    assert found.keys() == given.keys()
    for name, numbers in given.items():
        np.testing.assert_array_equal(found[name], numbers, strict=True)
    size = int.from_bytes(body[:8], "little")
    for name, described in json.loads(body[8 : 8 + size]).items():
        if name in given:
            assert (8 + size + described["data_offsets"][0]) % given[name].itemsize == 0
