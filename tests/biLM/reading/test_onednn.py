"""Remove or change the operators that torch keeps for its compiler, and read texts all the same."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from biLM.artifact import load_artifact
from biLM.encoder import Encoder
from biLM.errors import PrecisionError
from biLM.questions.readout import Readout
from biLM.reading import onednn, precision

TEXTS = ["我吃了一个苹果，味道很甜。", "我", "电脑中了病毒，窗口和菜单都打不开了！" * 4]
NAME = "mkldnn_rnn_layer"
RNN = getattr(torch.ops.aten, NAME)


class Aten:
    """The real operators but for one."""

    def __init__(self, **changed):
        self._changed = changed

    def __getattr__(self, name):
        if name == NAME and not self._changed:
            raise AttributeError(f"'_OpNamespace' 'aten' object has no attribute '{name}'")
        return self._changed.get(name) or getattr(ATEN, name)


ATEN = torch.ops.aten


def another_signature(x, weights, state):
    raise AssertionError("it cannot be called as it is; this is a bug")


def another_number_of_results(*given, **named):
    return RNN(*given, **named)[:2]


def another_order_of_results(*given, **named):
    output, h, c, workspace = RNN(*given, **named)
    return output, c, h, workspace


def raising(*given, **named):
    raise NotImplementedError("could not create a primitive descriptor")


CHANGES = {
    "no layout": ("mkldnn", SimpleNamespace()),
    "no kernel": ("aten", Aten()),
    "another signature": ("aten", Aten(**{NAME: another_signature})),
    "another number of results": ("aten", Aten(**{NAME: another_number_of_results})),
    "another order of results": ("aten", Aten(**{NAME: another_order_of_results})),
    "a kernel that raises": ("aten", Aten(**{NAME: raising})),
}


@pytest.fixture(autouse=True)
def _tried_anew():
    """Clear what is cached for the life of a process, so that each test finds out for itself."""
    caches = onednn._works, onednn._refuse, precision._tell_that_nothing_is_known
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.fixture
def expected(encoder):
    """Return the vectors by the operators, while they exist."""
    return vectors_of(encoder)


@pytest.fixture(params=CHANGES.values(), ids=CHANGES)
def changed(request, expected, monkeypatch):
    """Replace the operators of torch by a changed or missing version."""
    monkeypatch.setattr(torch.ops, *request.param)


def vectors_of(encoder):
    return encoder.embed([encoder.pieces(text) for text in TEXTS], [Readout((0, 1, 2))] * 3)


def warnings_of(caplog, of="biLM"):
    """Return the warnings of one logger and of those below it."""
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    return [line.getMessage() for line in warnings if line.name.startswith(of)]


def test_this_torch_has_the_operators(caplog):
    assert onednn.has_kernel()
    assert warnings_of(caplog) == []


@pytest.mark.usefixtures("changed")
def test_without_the_operators_torchs_own_layer_gives_the_vectors(artifact, expected, caplog):
    without = Encoder(artifact, "auto")
    assert without.precision == "float32"
    assert without.self_test() < 1e-5
    without.warm_up()
    for found, vectors in zip(vectors_of(without), expected, strict=True):
        np.testing.assert_allclose(found, vectors, rtol=0, atol=1e-6)
    (line,) = warnings_of(caplog, of="biLM.reading.onednn")  # once, whatever the number of layers
    assert "torch's own layer reads instead, in float32 and more slowly" in line


@pytest.mark.usefixtures("changed")
def test_without_the_operators_bfloat16_is_refused(artifact, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True}, raising=False)
    with pytest.raises(PrecisionError, match="choose auto or float32"):
        Encoder(artifact, "bfloat16")


def test_a_torch_that_says_nothing_of_the_processor_reads_in_float32(artifact, monkeypatch, caplog):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert Encoder(artifact, "auto").precision == "float32"
    assert Encoder(artifact, "auto").precision == "float32"
    (line,) = warnings_of(caplog)
    assert "get_capabilities is missing" in line


def test_a_torch_that_says_nothing_of_onednn_reads_with_its_own_layer(
    artifact, expected, monkeypatch, caplog
):
    monkeypatch.setattr(torch.backends, "mkldnn", SimpleNamespace())
    for found, vectors in zip(vectors_of(Encoder(artifact)), expected, strict=True):
        np.testing.assert_allclose(found, vectors, rtol=0, atol=1e-6)
    assert len(warnings_of(caplog, of="biLM.reading.onednn")) == 1


@pytest.mark.parametrize("is_named", [True, False])
def test_weights_are_loaded_however_torch_hands_over_what_is_to_be_drawn(
    artifact, artifact_folder, monkeypatch, is_named
):
    draw = torch.nn.init.normal_

    def normal_(tensor, mean=0.0, std=1.0, generator=None):
        mode = torch.overrides._get_current_function_mode()
        if mode is None:
            return draw(tensor, mean, std, generator)
        given = ((), {"tensor": tensor}) if is_named else ((tensor,), {})
        return mode.__torch_function__(normal_, (), *given)

    monkeypatch.setattr(torch.nn.init, "normal_", normal_)
    loaded = load_artifact(artifact_folder).model.state_dict()
    for name, tensor in artifact.model.state_dict().items():
        assert torch.equal(loaded[name], tensor)


def test_to_try_the_kernel_takes_no_random_number_of_the_callers():
    onednn._works.cache_clear()
    onednn.multiplies_bfloat16.cache_clear()
    before = torch.get_rng_state()
    onednn.has_kernel()
    onednn.multiplies_bfloat16()
    assert torch.equal(torch.get_rng_state(), before)
