import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from bilm_client import Client, InputError, RefusedError
from bilm_client.transformer import TextVectors
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks

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


def test_a_long_text_is_cut_off_as_the_message_advises(service_url):
    long = "病毒" * 5000
    with pytest.raises(RefusedError, match='"truncate": "right"'):
        TextVectors(service_url).fit_transform(["苹果", long])
    found = TextVectors(service_url, truncate="right").fit_transform(["苹果", long])
    with Client(service_url) as client:
        (expected,) = client.embed(long, level="text", truncate="right", center=True)
    np.testing.assert_allclose(found[1], expected.vectors[0], rtol=0, atol=1e-6)


def test_vectors_have_the_type_that_is_asked_for(service_url):
    half = TextVectors(service_url, dtype="float16").fit(TEXTS)
    whole = TextVectors(service_url).fit(TEXTS)
    assert half.transform(TEXTS).dtype == half.transform([]).dtype == np.float16
    assert whole.transform(TEXTS).dtype == np.float32
    # float16 has eleven bits.
    np.testing.assert_allclose(half.transform(TEXTS), whole.transform(TEXTS), rtol=1e-3, atol=1e-3)


def test_names_before_fitting_are_an_error_of_scikit_learn(service_url):
    with pytest.raises(NotFittedError):
        TextVectors(service_url).get_feature_names_out()
    with pytest.raises(NotFittedError):
        TextVectors(service_url, center="own").transform(TEXTS)


TABLES = {
    "DataFrame": pd.DataFrame({"text": TEXTS}, index=range(8, 0, -1)),
    "Table": pa.table({"text": TEXTS}),
    "RecordBatch": pa.record_batch({"text": TEXTS}),
    "array": np.array(TEXTS, dtype=object)[:, None],
}


@pytest.mark.parametrize("kind", TABLES)
def test_one_column_of_a_table_is_its_texts(service_url, kind):
    step = TextVectors(service_url)
    expected = step.transform(TEXTS)
    for found in (step.fit_transform(TABLES[kind]), step.transform(TABLES[kind])):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (pd.DataFrame({"text": TEXTS, "label": LABELS}), "DataFrame has 2 columns: text, label"),
        (pa.table({"text": TEXTS, "label": LABELS}), "Table has 2 columns: text, label"),
        (np.array([TEXTS, TEXTS]), "ndarray has 8 columns; give"),
        (pd.DataFrame(index=range(3)), "DataFrame has 0 columns"),
    ],
)
def test_several_columns_are_refused(service_url, table, why):
    for method in ("fit", "transform", "fit_transform"):
        with pytest.raises(InputError, match=why):
            getattr(TextVectors(service_url), method)(table)


def test_a_missing_value_in_a_table_of_one_column_is_named_by_its_number():
    for table in (
        pd.DataFrame({"text": ["甲", None]}, index=[7, 8]),
        pa.table({"text": ["甲", None]}),
    ):
        for method in ("fit", "transform", "fit_transform"):
            with pytest.raises(InputError, match=r"^text 1 is ") as caught:
                getattr(TextVectors("http://127.0.0.1:1"), method)(table)
            assert caught.value.text == 1


@pytest.mark.parametrize("column", ["text", ["text"]])
def test_a_column_transformer_puts_vectors_beside_numbers_row_by_row(service_url, column):
    table = pd.DataFrame({"text": TEXTS, "label": LABELS}, index=range(8, 0, -1))
    both = ColumnTransformer(
        [("text", TextVectors(service_url), column), ("label", "passthrough", ["label"])]
    ).set_output(transform="pandas")
    found = both.fit_transform(table)
    assert list(found.index) == list(table.index)
    assert list(found.columns) == [*(f"text__bilm{n}" for n in range(24)), "label__label"]
    expected = TextVectors(service_url).transform(TEXTS)
    np.testing.assert_allclose(found.iloc[:, :24], expected, rtol=0, atol=1e-6)
    assert found["label__label"].tolist() == LABELS


def test_pandas_output_keeps_the_index_of_a_series(service_url):
    series = pd.Series(TEXTS, index=list("hgfedcba"))
    step = TextVectors(service_url).set_output(transform="pandas").fit(series)
    for found in (step.transform(series), clone(step).fit_transform(series)):
        assert list(found.index) == list("hgfedcba")
        assert list(found.columns) == [f"bilm{n}" for n in range(24)]


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("layers", [None, [1, 2]])
def test_the_own_mean_is_that_of_the_fitted_texts(service_url, layers, normalize):
    options = {"layers": layers, "normalize": normalize, "center": "own"}
    step = TextVectors(service_url, **options).fit(FRUIT)
    raw = TextVectors(service_url, layers=layers, center=False)
    depth = 1 if layers is None else len(layers)
    rest = raw.transform(PHONE).astype(float) - raw.transform(FRUIT).astype(float).mean(axis=0)
    if normalize:  # each layer by itself, as the service does
        rest = rest.reshape(len(PHONE), depth, -1)
        rest = (rest / np.linalg.norm(rest, axis=-1, keepdims=True)).reshape(len(PHONE), -1)
    np.testing.assert_allclose(step.transform(PHONE), rest, rtol=0, atol=1e-5)
    found = clone(step).fit_transform(FRUIT)
    np.testing.assert_allclose(found, step.transform(FRUIT), rtol=0, atol=1e-6)
    assert found.shape[1] == step.n_features_out_ == 24 * depth
    assert found.dtype == np.float32


def test_a_text_without_pieces_is_no_part_of_the_mean_and_stays_zero(service_url):
    for layers in (None, [1, 2]):
        step = TextVectors(service_url, layers=layers, center="own").fit(FRUIT)
        found = clone(step).fit_transform([*FRUIT, ""])
        np.testing.assert_allclose(found[:-1], step.transform(FRUIT), rtol=0, atol=1e-6)
        assert not found[-1].any()


def test_no_texts_have_no_mean(service_url):
    for method in ("fit", "fit_transform"):
        with pytest.raises(InputError, match="no texts, hence no mean"):
            getattr(TextVectors(service_url, center="own"), method)([])


def test_a_fitted_step_waits_as_long_as_a_client_that_was_answered(service_url, monkeypatch):
    waits = []

    class Watched(Client):
        def __init__(self, url, **options):
            waits.append(options["max_wait_s"])
            super().__init__(url, **options)

    monkeypatch.setattr("bilm_client.transformer.Client", Watched)
    step = TextVectors(service_url)
    step.fit(TEXTS).transform(TEXTS)
    clone(step).fit_transform(TEXTS)
    TextVectors(service_url, max_wait_s=3.0).fit(TEXTS).transform(TEXTS)
    assert waits == [None, 120.0, None, 3.0, 3.0]  # client/README.md has the 120 seconds


def test_fitting_and_transforming_sends_the_texts_once(peer):
    peer.answer = lambda _: (422, {}, {"error": {"code": "no", "message": "no"}})
    with pytest.raises(RefusedError):
        TextVectors(peer.url).fit_transform(TEXTS[:3])
    assert [body["texts"] for _, _, body in peer.seen] == [TEXTS[:3]]


@pytest.mark.parametrize(("has_memory", "calls"), [(False, 4 * 2 + 1), (True, 2 + 4 + 1)])
def test_memory_keeps_a_search_from_sending_the_same_folds_again(
    service_url, tmp_path, monkeypatch, has_memory, calls
):
    sent = []
    original = Client.embed
    monkeypatch.setattr(
        Client, "embed", lambda self, texts, **more: sent.append(1) or original(self, texts, **more)
    )
    memory = str(tmp_path) if has_memory else None
    pipeline = make_pipeline(TextVectors(service_url), LogisticRegression(), memory=memory)
    # Two settings, two folds: four fits, or two with memory; four scores; one fit at the end.
    GridSearchCV(pipeline, {"logisticregression__C": [0.1, 1]}, cv=2).fit(TEXTS, LABELS)
    assert len(sent) == calls


def test_a_step_goes_to_other_processes_and_keeps_what_it_learned(service_url):
    step = TextVectors(service_url, center="own").fit(TEXTS)
    expected = step.transform(TEXTS)
    again = pickle.loads(pickle.dumps(step))
    np.testing.assert_allclose(again.transform(TEXTS), expected, rtol=0, atol=1e-6)
    (found,) = Parallel(n_jobs=2, backend="threading")([delayed(step.transform)(TEXTS)])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


# scikit-learn's whole series of checks skips what reads texts; these need no table of numbers.
CHECKS = (
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
)


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_of_scikit_learn_passes(check):
    getattr(estimator_checks, check)("TextVectors", TextVectors(api_key="k", center="own"))
