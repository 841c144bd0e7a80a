"""What /embed answers, against the numpy oracle and the arithmetic of the artifact's mixes.

The tolerance is that of float32: the oracle computes in float64.
"""

import math
import random

import numpy as np
import pytest

from tests.conftest import SENTENCES
from tests.reference.geometry import centred
from tests.reference.heads import contexts
from tests.service.serving import embed, embed_one, refused, vectors_of

pytestmark = pytest.mark.anyio

ATE = "我吃了一个苹果"  # 我 吃 了 一 个 苹果
CLOSE = {"rtol": 0, "atol": 1e-5}
REORDERED = {"rtol": 0, "atol": 1e-6}


def default_mix(layers):
    return 0.2 * layers[0] + 0.3 * layers[1] + 0.5 * layers[2]


async def test_the_answer_has_the_shape_of_the_contract(client, cut, artifact_folder):
    answer = await embed(client, texts=[ATE])

    (entry,) = answer.pop("data")
    assert answer == {
        "model": {
            "id": "tiny",
            "revision": answer["model"]["revision"],
            "dim": 24,
            "num_layers": 2,
        },
        "mix": {"name": "default", "weights": [0.2, 0.3, 0.5], "gamma": 1.0},
        "usage": {"pieces": 6, "characters": 7},
    }
    assert answer["model"]["revision"].startswith("sha256:")
    assert entry == {
        "index": 0,
        "num_pieces": 6,
        "truncated": False,
        "pieces": ["我", "吃", "了", "一", "个", "苹果"],
        "ids": cut(ATE),
        "offsets": [[0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [5, 7]],
        "shape": [6, 24],
        "dtype": "float32",
        "embedding": entry["embedding"],
    }


async def test_one_string_is_a_list_of_one(client):
    assert (await embed(client, texts=ATE))["data"] == (await embed(client, texts=[ATE]))["data"]


async def test_every_piece_gets_the_default_mix_of_its_layers(client, oracle):
    np.testing.assert_allclose(await embed_one(client, ATE), default_mix(oracle(ATE)), **CLOSE)


async def test_the_same_word_has_different_vectors_in_different_contexts(client):
    fields = {"texts": [ATE, "我在用苹果手机"], "level": "span", "spans": [[[5, 7]], [[3, 5]]]}
    ate, used = map(vectors_of, (await embed(client, **fields))["data"])
    assert np.abs(ate - used).max() > 0.01


@pytest.mark.parametrize(
    ("mix", "expected"),
    [
        ("top", lambda h: 2 * h[2]),
        ({"weights": [1, -1, 0.5], "gamma": 3}, lambda h: 3 * (h[0] - h[1] + 0.5 * h[2])),
        ({"weights": [0, 1, 0]}, lambda h: h[1]),
        # softmax of [0, ln 3, 0] is [1/5, 3/5, 1/5]
        ({"logits": [0, math.log(3), 0], "gamma": 5}, lambda h: h[0] + 3 * h[1] + h[2]),
    ],
)
async def test_a_mix_is_the_weighted_sum_of_the_layers(client, oracle, mix, expected):
    np.testing.assert_allclose(
        await embed_one(client, ATE, mix=mix), expected(oracle(ATE)), **CLOSE
    )


async def test_the_answer_names_the_weights_that_were_used(client):
    answer = await embed(client, texts="", mix={"logits": [0, math.log(3), 0], "gamma": 5})
    assert answer["mix"]["name"] is None
    assert answer["mix"]["gamma"] == 5
    assert answer["mix"]["weights"] == pytest.approx([0.2, 0.6, 0.2])


@pytest.mark.parametrize(("layers", "numbers"), [("all", [0, 1, 2]), ([2, 0], [2, 0])])
async def test_layers_come_unmixed_in_the_order_asked_for(client, oracle, layers, numbers):
    answer = await embed(client, texts=[ATE], layers=layers)

    assert answer["mix"] is None
    assert answer["layers"] == numbers
    assert answer["data"][0]["shape"] == [len(numbers), 6, 24]
    np.testing.assert_allclose(vectors_of(answer["data"][0]), oracle(ATE)[numbers], **CLOSE)


@pytest.mark.parametrize("layers", ["context", ["context"], [2, "context", 0]])
async def test_the_context_is_a_layer_like_the_others(client, artifact, oracle_between, layers):
    framed = oracle_between(ATE)
    answer = await embed(client, texts=[ATE], level="span", spans=[[[5, 7], [0, 2]]], layers=layers)
    rows = [(5, 6), (0, 2)]  # 苹果 is the sixth piece
    context = contexts(artifact.heads.state_dict(), framed, rows)
    wanted = [layers] if isinstance(layers, str) else layers
    assert answer["layers"] == wanted
    pooled = [[framed[layer, 1 + b : 1 + e].mean(axis=0) for b, e in rows] for layer in (0, 1, 2)]
    expected = [context if layer == "context" else pooled[layer] for layer in wanted]
    np.testing.assert_allclose(vectors_of(answer["data"][0]), expected, **CLOSE)


async def test_the_context_of_half_a_piece_knows_the_other_half(
    client, encoder, artifact, oracle_between
):
    answer = await embed(client, texts=[ATE], level="span", spans=[[[5, 6]]], layers="context")
    other_half = artifact.model.embedding.weight.numpy()[list(encoder.pieces("果").ids)]
    expected = contexts(
        artifact.heads.state_dict(), oracle_between(ATE), [(5, 6)], rests=[other_half]
    )
    np.testing.assert_allclose(vectors_of(answer["data"][0])[0], expected, **CLOSE)


async def test_a_whole_text_has_no_context(client):
    error = await refused(
        client, 422, "validation_error", texts="a", level="text", layers=["context"]
    )
    assert "around a whole text" in error["message"]


async def test_centering_takes_place_in_each_layer_before_mixing(client, oracle, artifact):
    expected = default_mix(centred(artifact.geometry, oracle(ATE)))
    np.testing.assert_allclose(await embed_one(client, ATE, center=True), expected, **CLOSE)


async def test_normalizing_divides_every_vector_by_its_length(client, oracle):
    expected = default_mix(oracle(ATE))
    expected /= np.sqrt((expected**2).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(await embed_one(client, ATE, normalize=True), expected, **CLOSE)


async def test_json_and_base64_carry_the_same_numbers(client):
    plain = await embed_one(client, ATE, encoding="json")
    np.testing.assert_array_equal(plain, await embed_one(client, ATE, encoding="base64"))


async def test_float16_is_the_nearest_half_of_the_float32(client):
    half = await embed_one(client, ATE, dtype="float16")
    assert half.dtype == np.float16
    np.testing.assert_array_equal(half, (await embed_one(client, ATE)).astype(np.float16))


# Levels: a row is pooled from the pieces 我 吃 了 一 个 苹果.


async def test_each_code_point_of_a_piece_gets_the_vector_of_that_piece(client, oracle):
    (entry,) = (await embed(client, texts=[ATE], level="char"))["data"]

    assert entry["offsets"] == [[place, place + 1] for place in range(7)]
    assert not {"pieces", "ids"} & entry.keys()
    expected = default_mix(oracle(ATE))[[0, 1, 2, 3, 4, 5, 5]]
    np.testing.assert_allclose(vectors_of(entry), expected, **CLOSE)


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ("mean", lambda rows: rows.mean(axis=0)),
        ("max", lambda rows: rows.max(axis=0)),
        ("first", lambda rows: rows[0]),
        ("last", lambda rows: rows[-1]),
    ],
)
async def test_a_span_is_pooled_from_the_pieces_it_touches(client, oracle, pooling, expected):
    fields = {"level": "span", "spans": [[[1, 3], [4, 6]]], "pooling": pooling}
    (entry,) = (await embed(client, texts=[ATE], **fields))["data"]

    assert entry["offsets"] == [[1, 3], [4, 6]]
    mixed = default_mix(oracle(ATE))
    by_hand = [expected(mixed[1:3]), expected(mixed[4:6])]
    np.testing.assert_allclose(vectors_of(entry), by_hand, **CLOSE)


async def test_a_text_is_the_mean_of_its_pieces(client, oracle):
    (entry,) = (await embed(client, texts=[ATE], level="text"))["data"]
    assert (entry["offsets"], "empty" in entry) == ([[0, 7]], False)
    np.testing.assert_allclose(vectors_of(entry)[0], default_mix(oracle(ATE)).mean(axis=0), **CLOSE)


async def test_words_get_one_vector_each_by_default(client, oracle):
    (entry,) = (await embed(client, words=[["我", "吃了", "一个", "苹果"]]))["data"]

    assert entry["offsets"] == [[0, 1], [1, 3], [3, 5], [5, 7]]
    mixed = default_mix(oracle(ATE))
    by_hand = [mixed[0], mixed[1:3].mean(axis=0), mixed[3:5].mean(axis=0), mixed[5]]
    np.testing.assert_allclose(vectors_of(entry), by_hand, **CLOSE)


@pytest.mark.parametrize("level", ["piece", "text"])
async def test_words_that_cut_where_the_model_cuts_change_nothing(client, level):
    words = [["我", "吃了", "一个", "苹果"]]
    from_words = await embed(client, words=words, level=level)
    assert from_words == await embed(client, texts=[ATE], level=level)


@pytest.mark.parametrize("level", ["piece", "text"])
async def test_ids_give_the_vectors_of_the_text_they_came_from(client, cut, level):
    answer = await embed(client, ids=[cut(ATE)], level=level)

    assert answer["usage"] == {"pieces": 6, "characters": 0}
    assert answer["data"][0]["offsets"] is None
    expected = await embed_one(client, ATE, level=level)
    np.testing.assert_allclose(vectors_of(answer["data"][0]), expected, **REORDERED)


# Edges.


async def test_an_empty_text_has_no_rows_and_its_neighbours_have_theirs(client):
    empty, other = (await embed(client, texts=["", ATE]))["data"]
    assert (empty["shape"], empty["embedding"], empty["pieces"]) == ([0, 24], "", [])
    assert other["shape"] == [6, 24]


@pytest.mark.parametrize("fields", [{"texts": [""]}, {"words": [[]]}, {"ids": [[]]}])
async def test_an_empty_text_is_one_zero_vector_at_level_text(client, fields):
    (entry,) = (await embed(client, level="text", **fields))["data"]
    assert (entry["empty"], entry["empty_rows"]) == (True, [0])
    np.testing.assert_array_equal(vectors_of(entry), np.zeros((1, 24)))


@pytest.mark.parametrize(
    ("fields", "empty_rows"),
    [
        ({"texts": ["我\0吃"], "level": "char"}, [1]),
        ({"texts": ["\x01我"], "level": "char"}, [0]),
        ({"texts": ["我\x01"], "level": "char"}, [1]),
        ({"texts": ["我\ufe0f吃"], "level": "span", "spans": [[[0, 1], [1, 2], [1, 3]]]}, [1]),
        ({"words": [["我", "", "\u200b", "吃"]]}, [1, 2]),
        ({"texts": ["\ufeff\u00ad"], "level": "char"}, [0, 1]),
        ({"texts": ["\ufeff"], "level": "piece"}, None),
        ({"texts": ["我吃"], "level": "char"}, None),
        ({"texts": [ATE], "level": "text", "layers": "all"}, None),
        ({"texts": ["我\0吃"], "level": "char", "layers": ["context", 1]}, [1]),
    ],
)
async def test_rows_without_pieces_are_named_and_zero_at_every_level(client, fields, empty_rows):
    (entry,) = (await embed(client, **fields))["data"]
    assert entry.get("empty_rows") == empty_rows
    assert entry.get("empty", False) == (entry["num_pieces"] == 0)
    lengths = np.atleast_2d(np.linalg.norm(vectors_of(entry), axis=-1))
    expected = [row in (empty_rows or []) for row in range(lengths.shape[-1])]
    assert all((one == 0).tolist() == expected for one in lengths)


async def test_the_unknown_piece_is_refused_with_its_place_and_what_to_send(client):
    error = await refused(client, 422, "validation_error", ids=[[5], [6, 7, 0]])
    assert "text 1 has the id 0 at place 2" in error["message"]
    assert "send other ids from 0 to 345" in error["message"]
    assert (error["param"], error["details"]["index"]) == ("ids", 1)


@pytest.mark.parametrize("text", ["蘋果", "苹\u200b果", "\ufeff苹果\ufe0f"])
async def test_what_looks_like_a_text_or_is_its_traditional_form_has_its_vector(client, text):
    found = (await embed(client, texts=["苹果", text], level="text"))["data"]
    np.testing.assert_array_equal(vectors_of(found[0]), vectors_of(found[1]))


async def test_a_character_without_content_keeps_its_place(client):
    (entry,) = (await embed(client, texts=["我\0吃"], level="char"))["data"]
    assert entry["offsets"] == [[0, 1], [1, 2], [2, 3]]
    (entry,) = (await embed(client, texts=["\0我\u200b吃\x01"]))["data"]
    assert entry["offsets"] == [[1, 2], [3, 4]]


async def test_a_vector_does_not_depend_on_batch_or_order(client):
    texts = [*SENTENCES, ATE, "", SENTENCES[0] * 12]
    shuffled = random.Random(1).sample(texts, len(texts))
    together = {
        text: vectors_of(entry)
        for text, entry in zip(shuffled, (await embed(client, texts=shuffled))["data"], strict=True)
    }
    for text in texts:
        np.testing.assert_allclose(await embed_one(client, text), together[text], **REORDERED)
