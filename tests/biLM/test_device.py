"""An encoder reads on another device with torch's own LSTM, and gives the same vectors.

No machine of this suite has another device. Here the CPU stands in for one: the model is copied to
it, and torch's own LSTM reads.
"""

import numpy as np
import pytest
import torch

from biLM.encoder import Encoder
from biLM.errors import PrecisionError
from biLM.questions.readout import Readout
from biLM.reading.layer import ReadingLayer

EVERYTHING = Readout((0, 1, 2, "context"), center=True)
TEXTS = ["我吃了一个苹果，味道很甜。", "", "病毒", "我在用苹果手机" * 20]


@pytest.fixture
def elsewhere(artifact_folder, monkeypatch):
    """Return an encoder whose device counts as none with a fast reader."""
    monkeypatch.setattr("biLM.copies.reads_fast", lambda device: False)
    return Encoder.load(artifact_folder)


def vectors(encoder):
    return encoder.embed([encoder.pieces(text) for text in TEXTS], [EVERYTHING] * len(TEXTS))


def test_vectors_of_another_device_are_the_same(elsewhere, encoder):
    for found, expected in zip(vectors(elsewhere), vectors(encoder), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_another_device_needs_no_fast_layer(elsewhere, monkeypatch):
    monkeypatch.setattr(ReadingLayer, "__call__", None)
    assert elsewhere.warm_up() == (16,)
    assert elsewhere.self_test() < 1e-4
    question = elsewhere.vectors_for(elsewhere.pieces(TEXTS[0]), EVERYTHING)
    alone = elsewhere.alone(question).finish()
    np.testing.assert_array_equal(alone, elsewhere.answer([question])[0])


def test_another_device_has_the_weights_of_now(elsewhere, encoder):
    before = vectors(elsewhere)[0]
    with torch.no_grad():
        elsewhere.artifact.model.embedding.weight.mul_(0.5)
    found = vectors(elsewhere)[0]
    assert np.abs(found - before).max() > 1e-3
    expected = vectors(Encoder(elsewhere.artifact))[0]
    np.testing.assert_array_equal(found, expected)


def test_what_is_read_elsewhere_is_searched_here(elsewhere, encoder):
    assert elsewhere.complete("我吃") == encoder.complete("我吃")


@pytest.mark.parametrize("precision", ["auto", "float32"])
def test_on_another_device_the_precision_is_float32(artifact, precision):
    assert Encoder(artifact, precision, device="meta").precision == "float32"


def test_bfloat16_on_another_device_is_refused(artifact):
    with pytest.raises(PrecisionError, match=r"bfloat16, but on the device meta .* choose auto"):
        Encoder(artifact, "bfloat16", device="meta")


def test_the_model_is_moved_to_the_device(artifact):
    moved = Encoder(artifact, device="meta")._copies.elsewhere
    assert {one.device.type for one in moved.parameters()} == {"meta"}
    assert artifact.model.embedding.weight.device.type == "cpu"
