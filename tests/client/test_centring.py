"""Test that the mean of the own collection is subtracted, and nothing else."""

import numpy as np
import pytest
from bilm_client import AsyncClient, Client
from bilm_client.answers import Embedding
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as some

TEXTS = ["我吃了一个苹果", "我在用苹果手机", "", "苹果和苹果"]
floats = st.floats(-100, 100, width=32)


@given(some.arrays("<f4", some.array_shapes(min_dims=2, max_dims=3, max_side=6), elements=floats))
def test_what_is_left_has_the_mean_zero_and_the_same_differences(array):
    found = Client.center(array)
    assert found.dtype == array.dtype
    # 6 numbers of at most 100 in float32: each rounding is below 1e-5.
    np.testing.assert_allclose(found.mean(axis=-2), 0, atol=1e-4)
    np.testing.assert_allclose(
        found - found[..., :1, :], array - array[..., :1, :], rtol=0, atol=1e-4
    )


def test_the_mean_is_that_of_all_rows_of_all_texts_layer_by_layer(service_url):
    with Client(service_url) as client:
        given = client.embed(TEXTS, layers=[1, 2])
    found = AsyncClient.center(given)
    rows = np.concatenate([one.vectors for one in given], axis=1).astype(float)
    for one, other in zip(found, given, strict=True):
        expected = other.vectors - rows.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(one.vectors, expected, rtol=0, atol=1e-6)
        assert (one.pieces, one.truncated) == (other.pieces, other.truncated)
    assert not np.allclose(given[0].vectors, found[0].vectors)  # what was given is as it was


def test_the_vectors_of_a_word_are_a_collection_too(service_url):
    with Client(service_url) as client:
        given = client.word_vectors(TEXTS, "苹果", layers=["context", 2])
    found = Client.center(given)
    expected = given.vectors - given.vectors.astype(float).mean(axis=1, keepdims=True)
    np.testing.assert_allclose(found.vectors, expected, rtol=0, atol=1e-6)
    assert found.occurrences == given.occurrences


def embedding(*shape):
    return Embedding(np.zeros(shape, "<f4"), None, None, None, False, np.array([], int))


def test_rows_without_pieces_are_no_part_of_the_mean(service_url):
    with Client(service_url) as client:
        some, all_of_them = client.embed(TEXTS[:2], level="text"), client.embed(TEXTS, level="text")
    found = Client.center([*some, all_of_them[2]])  # an empty text
    for one, other in zip(found[:2], Client.center(some), strict=True):
        np.testing.assert_allclose(one.vectors, other.vectors, rtol=0, atol=1e-6)
    assert not found[2].vectors.any()


def test_an_occurrence_without_pieces_is_no_part_of_the_mean(service_url):
    # The end of the second text is truncated, and its last occurrence has no pieces.
    with Client(service_url) as client:
        limit = client.info()["limits"]["max_text_pieces"]
        texts = ["苹果和我", "苹果" + "吃" * limit + "苹果", "我吃苹果"]
        given = client.word_vectors(texts, "苹果", truncate="right", layers=[0, 2])
        found = Client.center(given)
    assert given.empty_rows.tolist() == [2]
    kept = given.vectors[:, [0, 1, 3]].astype(float)
    expected = kept - kept.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(found.vectors[:, [0, 1, 3]], expected, rtol=0, atol=1e-6)
    assert not found.vectors[:, 2].any()


@pytest.mark.parametrize(
    ("given", "kind", "why"),
    [
        ([], ValueError, "there is no vector"),
        ([embedding(0, 4)], ValueError, "there is no vector"),
        (np.zeros((0, 4)), ValueError, "there is no vector"),
        ([embedding(2, 4), embedding(2, 5)], ValueError, r"2 shapes, \(4,\) and \(5,\)"),
        ([embedding(2, 4), embedding(3, 2, 4)], ValueError, "2 shapes"),
        (np.zeros(4), TypeError, r"the shape \(4,\)"),
        (np.zeros((2, 4), int), TypeError, "the type int64"),
        ("vectors", TypeError, "type str"),
        ([np.zeros((2, 4))], TypeError, "type list"),
    ],
)
def test_what_has_no_mean_is_refused(given, kind, why):
    with pytest.raises(kind, match=why):
        Client.center(given)
