import numpy as np
import pytest
from bilm_client import Client, RefusedError
from bilm_client.transformer import TextVectors
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

FRUIT = ["我吃了一个苹果", "苹果很甜", "苹果味道很甜", "我吃苹果"]
PHONE = ["我在用苹果手机", "苹果手机打电话", "电脑中了病毒", "打电话给家里人"]
TEXTS, LABELS = FRUIT + PHONE, [0] * 4 + [1] * 4


def test_vectors_are_those_of_the_client(service_url):
    with Client(service_url) as client:
        expected = client.embed(TEXTS, level="text", layers=[1, 2], center=True)
    found = TextVectors(service_url, layers=[1, 2]).fit_transform(TEXTS)
    assert found.shape == (8, 48)
    for row, embedding in zip(found, expected, strict=True):
        np.testing.assert_allclose(row, embedding.vectors[:, 0].reshape(-1), rtol=0, atol=1e-6)


def test_a_clone_has_the_same_parameters(service_url):
    made = TextVectors(service_url, mix="top", pooling="max", center=False)
    copy = clone(made)
    assert copy.get_params() == made.get_params()
    np.testing.assert_allclose(copy.transform(TEXTS), made.transform(TEXTS), rtol=0, atol=1e-6)


def test_a_search_over_mixes_runs_in_a_pipeline(service_url):
    pipeline = make_pipeline(TextVectors(service_url), LogisticRegression())
    search = GridSearchCV(pipeline, {"textvectors__mix": ["default", "top"]}, cv=2)
    search.fit(TEXTS, LABELS)
    assert search.best_params_["textvectors__mix"] in {"default", "top"}
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    # Eight texts, 24 numbers each: a linear classifier separates what it has seen.
    assert search.predict(TEXTS).tolist() == LABELS


def test_the_names_of_columns_are_as_many_as_columns(service_url):
    fitted = TextVectors(service_url).fit(TEXTS)
    assert fitted.get_feature_names_out().tolist() == [f"bilm{n}" for n in range(24)]


def test_a_wrong_parameter_is_told_when_fitted(service_url):
    with pytest.raises(RefusedError, match="unknown_mix"):
        TextVectors(service_url, mix="nope").fit(TEXTS)


def test_no_texts_make_no_rows(service_url):
    assert TextVectors(service_url).fit(TEXTS).transform([]).shape == (0, 24)


def test_a_single_string_is_refused(service_url):
    with pytest.raises(ValueError, match="texts is a single string"):
        TextVectors(service_url).transform("苹果")
