"""What /similarity answers, against the cosines of the vectors that /embed gives."""

import numpy as np
import pytest

from service.paths.similarity import _cosines
from service.wire import JSON_DOUBLE_BYTES, encoded, to_json
from tests.service.serving import embed, error_of, serving, settings_of, vectors_of

pytestmark = pytest.mark.anyio

TEXTS = ["我吃了一个苹果", "他不在家", "苹果手机和苹果"]
SPANS = [[[5, 7]], [], [[0, 2], [5, 7]]]
CLOSE = {"rtol": 0, "atol": 1e-6}


async def similarity(client, **fields):
    answer = await client.post("/similarity", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def vectors(client, **fields):
    """Of the three 苹果: [3, dim], or [layers, 3, dim]."""
    data = (await embed(client, texts=TEXTS, level="span", spans=SPANS, **fields))["data"]
    return np.concatenate([vectors_of(entry) for entry in data], axis=-2)


def cosines(vectors):
    return [
        [one @ other / np.linalg.norm(one) / np.linalg.norm(other) for one in vectors]
        for other in vectors
    ]


@pytest.mark.parametrize("center", [True, False])
async def test_cosines_are_those_of_the_vectors_of_the_occurrences(client, center):
    found = (await similarity(client, word="苹果", texts=TEXTS, center=center))["cosine"]
    layers = await vectors(client, layers=[0, 1, 2, "context"], center=center)
    for number in range(3):
        np.testing.assert_allclose(found["layers"][number], cosines(layers[number]), **CLOSE)
    np.testing.assert_allclose(found["context"], cosines(layers[3]), **CLOSE)
    mixed = await vectors(client, mix="default", center=center)
    np.testing.assert_allclose(found["mix"], cosines(mixed), **CLOSE)


async def test_vectors_are_centred_unless_asked_for_raw(client):
    fields = {"word": "苹果", "texts": TEXTS}
    assert await similarity(client, **fields) == await similarity(client, **fields, center=True)


@pytest.mark.parametrize("mix", ["top", {"weights": [1, -1, 0.5], "gamma": 3}])
async def test_the_mix_is_the_one_that_was_asked_for(client, mix):
    answer = await similarity(client, word="苹果", texts=TEXTS, mix=mix)
    mixed = await vectors(client, mix=mix, center=True)
    np.testing.assert_allclose(answer["cosine"]["mix"], cosines(mixed), **CLOSE)
    assert answer["mix"]["name"] == (mix if mix == "top" else None)


async def test_the_answer_names_every_occurrence(client):
    answer = await similarity(client, word="苹果", texts=TEXTS)
    assert answer["occurrences"] == [
        {"index": 0, "offset": [5, 7]},
        {"index": 2, "offset": [0, 2]},
        {"index": 2, "offset": [5, 7]},
    ]
    assert answer["usage"]["characters"] == sum(map(len, TEXTS))
    assert answer["model"]["id"] == "tiny"


async def test_a_word_is_compared_as_it_is_written(client):
    answer = await similarity(client, word=".", texts=["3.5", "35"])
    assert answer["occurrences"] == [{"index": 0, "offset": [1, 2]}]


async def test_a_vector_of_zeros_is_like_nothing():
    vectors = np.array([[3, 4], [0, 0], [0, 2]], np.float32)
    expected = [[1, 0, 0.8], [0, 0, 0], [0.8, 0, 1]]  # 4 / 5 between the first and the last
    np.testing.assert_allclose(_cosines(vectors), expected, **CLOSE)


async def test_a_word_that_stands_in_no_text_is_refused(client):
    answer = await client.post("/similarity", json={"word": "香蕉", "texts": TEXTS})
    error = error_of(answer, 422, "validation_error")
    assert error["param"] == "word"
    assert "occurs in none of the texts" in error["message"]


@pytest.mark.parametrize("word", ["\u200b", "\ufe0f\x01"])
async def test_a_word_without_content_is_refused(client, word):
    body = {"word": word, "texts": [*TEXTS, f"苹{word}果"]}
    error = error_of(await client.post("/similarity", json=body), 422, "validation_error")
    assert (error["param"], "visible character" in error["message"]) == ("word", True)


async def test_too_many_occurrences_are_refused_before_the_model_runs(artifact_folder):
    async with serving(settings_of(artifact_folder, max_response_bytes=4096)) as client:
        fields = {"word": "苹果", "texts": ["苹果" * 9]}  # 9 * 9 * (4 numbers of 12 bytes, 1 of 21)
        error = error_of(await client.post("/similarity", json=fields), 413, "response_too_large")
    assert error["details"]["actual"] == 5589


async def test_the_response_is_no_larger_than_its_estimate(client):
    texts = ["".join(f"苹果{number}号" for number in range(60))]
    content = (await client.post("/similarity", json={"word": "苹果", "texts": texts})).content
    # For each pair 4 numbers of 12 bytes and 1 of 21; a kibibyte for the rest beside the places.
    assert len(content) <= 60 * 60 * (4 * 12 + 21) + 60 * 40 + 1024


async def test_a_number_of_float64_takes_as_many_bytes_as_estimated():
    numbers = np.random.default_rng(7).uniform(-1, 1, (100, 100))
    assert len(to_json(numbers)) <= numbers.size * JSON_DOUBLE_BYTES


@pytest.mark.parametrize("dtype", ["f4", "f8"])
async def test_a_matrix_written_row_by_row_has_the_bytes_of_one_written_at_once(dtype):
    numbers = np.random.default_rng(7).uniform(-1, 1, (20, 30)).astype(dtype)
    assert to_json([encoded(numbers, "json")]) == to_json([numbers])


@pytest.mark.parametrize("scale", [1e-30, 1e30, -1e30, 1e300])
async def test_the_scale_of_a_mix_changes_no_cosine(client, scale):
    mixes = [{"weights": [factor, -factor, 2 * factor]} for factor in (1.0, scale)]
    fields = {"word": "苹果", "texts": TEXTS}
    one, other = [(await similarity(client, **fields, mix=mix))["cosine"]["mix"] for mix in mixes]
    np.testing.assert_allclose(one, other, **CLOSE)


async def test_only_texts_that_hold_the_word_are_read(artifact_folder, load_held, gate, cut):
    gate.is_open.set()
    async with serving(settings_of(artifact_folder), load_held) as held:
        await similarity(held, word="苹果", texts=TEXTS)
    assert gate.batches == [[tuple(cut(TEXTS[0])), tuple(cut(TEXTS[2]))]]


async def test_an_unknown_mix_is_refused(client):
    answer = await client.post("/similarity", json={"word": "苹果", "texts": TEXTS, "mix": "x"})
    error_of(answer, 422, "unknown_mix")
