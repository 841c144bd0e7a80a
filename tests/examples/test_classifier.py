import json
from dataclasses import replace

import numpy as np
import pytest

from examples.classifier.characters import Characters
from examples.classifier.classifier import FILE, Classifier
from examples.classifier.embeddings import Recipe
from examples.classifier.errors import ModelError
from examples.classifier.linear import LinearModel
from examples.classifier.scaling import Scaling

TEXTS = ["苹果很甜", "屏幕碎了"]
VECTORS = np.array([[1.0, 2.0], [3.0, -4.0]], dtype="f4")


def classifier(with_characters=True):
    characters = Characters(["甜", "碎"], np.array([1.5, 2.5], dtype="f4"))
    weights = [np.array([[0.5, -0.5], [0.25, 0.0]], dtype="f4")]
    if with_characters:
        weights.append(np.array([[1.0, 0.0], [0.0, 1.0]], dtype="f4"))
    return Classifier(
        labels=["水果", "手机"],
        url="http://127.0.0.1:8000",
        revision="sha256:1",
        recipe=Recipe(layers=[0, 2], poolings=("mean", "last"), center=False),
        scaling=Scaling(np.array([1.0, 1.0], dtype="f4"), np.array([2.0, 0.5], dtype="f4")),
        model=LinearModel(tuple(weights), np.array([0.1, 0.2], dtype="f4")),
        characters=characters if with_characters else None,
    )


def test_probabilities_worked_by_hand():
    found = classifier().probabilities(TEXTS, VECTORS.copy())
    # scaled rows (0, 0.5) and (4, -2.5); each text has one n-gram, so its tf-idf row is a unit
    logits = np.array([[0.125 + 1 + 0.1, 0.2], [2 - 0.625 + 0.1, -2 + 1 + 0.2]])
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("with_characters", [True, False])
def test_what_is_saved_is_what_is_loaded(tmp_path, with_characters):
    saved = classifier(with_characters)
    saved.save(tmp_path)
    loaded = Classifier.load(tmp_path)
    assert (loaded.labels, loaded.url, loaded.recipe) == (saved.labels, saved.url, saved.recipe)
    np.testing.assert_array_equal(
        loaded.probabilities(TEXTS, VECTORS.copy()), saved.probabilities(TEXTS, VECTORS.copy())
    )


def test_a_saved_classifier_has_no_password(tmp_path):
    address = "https://user:sesame@bilm.example:8443/bilm"
    replace(classifier(), url=address).save(tmp_path)
    assert Classifier.load(tmp_path).url == "https://bilm.example:8443/bilm"
    assert b"sesame" not in (tmp_path / FILE).read_bytes()  # an .npz is not compressed


def test_a_save_that_fails_leaves_the_old_file(tmp_path):
    classifier().save(tmp_path)
    before = (tmp_path / FILE).read_bytes()
    broken = classifier()
    broken.labels.append(object())
    with pytest.raises(TypeError):
        broken.save(tmp_path)
    assert (tmp_path / FILE).read_bytes() == before


def test_vectors_of_another_model_are_refused_with_the_remedy():
    with pytest.raises(ModelError, match=r"sha256:1.*sha256:2.*train again"):
        classifier().check_revision("sha256:2", "http://127.0.0.1:8000")


def test_the_address_in_a_refusal_has_no_password():
    with pytest.raises(ModelError, match=r"at http://127\.0\.0\.1:8000 has") as refused:
        classifier().check_revision("sha256:2", "http://user:sesame@127.0.0.1:8000")
    assert "sesame" not in str(refused.value)


def test_a_missing_classifier_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"classifier\.npz cannot be read.*train first"):
        Classifier.load(tmp_path)


def test_a_file_cut_short_is_refused(tmp_path):
    classifier().save(tmp_path)
    data = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match="not a saved classifier"):
        Classifier.load(tmp_path)


def test_a_pickle_is_refused(tmp_path):
    np.save(tmp_path / "pickle.npy", np.array([object()]), allow_pickle=True)
    (tmp_path / "pickle.npy").rename(tmp_path / FILE)
    with pytest.raises(ModelError, match="not a saved classifier"):
        Classifier.load(tmp_path)


def test_another_version_is_refused_by_name(tmp_path):
    header = {"format": "biLM example classifier", "version": 2}
    with (tmp_path / FILE).open("wb") as file:
        np.savez(file, header=np.frombuffer(json.dumps(header).encode(), np.uint8))
    with pytest.raises(ModelError, match=r"version|format \('biLM example classifier', 2\)"):
        Classifier.load(tmp_path)
