"""`Elmo` and `Encoder` read on a device what they read on the CPU.

Vectors are sums of products of about length 1, in float32 and in another order: 1e-6 apart here,
and at most 1e-5 for the sizes of a shipped model.
"""

import gc

import numpy as np
import pytest
import torch

from biLM.encoder import Encoder
from biLM.nn import Elmo
from biLM.questions.readout import Readout
from tests.device.away import Away
from tests.device.conftest import CPU

pytestmark = pytest.mark.device

WORDS = [["我", "吃了", "", "一个", "苹果"], ["New", "York"], [], ["病毒", "和", "菜单"]]
TEXTS = ["我吃了一个苹果，味道很甜。", "", "病毒", "我在用苹果手机" * 20]
CENTRED = {"center": True, "layer_norm": True}
WHOLE = {"requires_grad": True, "context": True, "center": True, "num_output_representations": 2}


def results(elmo):
    """Return the vectors and the mask, and the gradient of each parameter that has one."""
    out = elmo(WORDS)
    sum((one**3).sum() for one in out["elmo_representations"]).backward()
    vectors = [one.detach().cpu() for one in out["elmo_representations"]]
    grads = {name: one.grad.cpu() for name, one in elmo.named_parameters() if one.grad is not None}
    return vectors, out["mask"].cpu(), grads


@pytest.mark.parametrize("options", [{}, CENTRED, {"context": True}, WHOLE])
def test_vectors_and_gradients_are_those_of_the_cpu(device, artifact_folder, options):
    made = [Elmo.load(artifact_folder, dropout=0.0, **options) for _ in range(2)]
    vectors, mask, grads = results(made[0].to(device))
    expected, expected_mask, expected_grads = results(made[1])
    assert torch.equal(mask, expected_mask)
    assert grads.keys() == expected_grads.keys()
    for one, other in zip(vectors, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0.0, atol=1e-5)
    for name, grad in expected_grads.items():
        atol = 1e-5 * max(1.0, float(grad.abs().max()))
        torch.testing.assert_close(grads[name], grad, rtol=0.0, atol=atol)


def test_what_was_learned_there_is_saved_here(device, artifact_folder, tmp_path):
    elmo = Elmo.load(artifact_folder, requires_grad=True).to(device)
    with torch.no_grad():
        for parameter in elmo.parameters():
            parameter.mul_(1.25)
    elmo.save_artifact(tmp_path / "tuned", mixes=["learned"])
    saved, loaded = Encoder.load(tmp_path / "tuned"), Encoder.load(artifact_folder)
    assert saved.self_test() < 1e-5
    assert saved.mix("learned").gamma == pytest.approx(1.25)
    found, before = (one.artifact.model.embedding.weight for one in (saved, loaded))
    torch.testing.assert_close(found, before * 1.25, rtol=2**-8, atol=0.0)  # bfloat16


def num_copies(shape):
    """Return how many arrays of a shape there are on the CPU, but for those of a played device."""
    gc.collect()
    tensors = [one for one in gc.get_objects() if isinstance(one, torch.Tensor)]
    kept = {one.kept.data_ptr() for one in tensors if isinstance(one, Away)}
    here = [one for one in tensors if one.device == CPU and one.shape == shape]
    return len({one.data_ptr() for one in here} - kept)


def test_a_layer_that_has_moved_leaves_no_weights_behind(device, artifact_folder):
    elmo = Elmo.load(artifact_folder, dropout=0.0)
    shape = elmo.bilm.embedding.weight.shape
    with_one = num_copies(shape)
    around = torch.nn.Sequential(elmo)
    with torch.no_grad():
        elmo(WORDS)
    around.to(device)
    assert num_copies(shape) == with_one - 1
    with torch.no_grad():
        elmo(WORDS)
    assert num_copies(shape) == with_one - 1


def vectors_of(encoder):
    readout = Readout((0, 1, 2, "context"), center=True)
    return encoder.embed([encoder.pieces(text) for text in TEXTS], [readout] * len(TEXTS))


def test_an_encoder_gives_the_vectors_of_the_cpu(device, artifact_folder, encoder):
    there = Encoder.load(artifact_folder, "auto", device=device)
    assert there.self_test() < 1e-5
    for found, expected in zip(vectors_of(there), vectors_of(encoder), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_a_callers_autocast_changes_no_vector(device, artifact_folder):
    if device.type not in ("cpu", "cuda"):
        pytest.skip("a played device has no autocast")
    there = Encoder.load(artifact_folder, device=device)
    expected = vectors_of(there)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        found = vectors_of(there)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


def test_torchs_setting_for_tf32_neither_matters_nor_changes(device, artifact_folder, encoder):
    torch.backends.cudnn.allow_tf32 = True  # torch's default; a fixture puts it back
    there = Encoder.load(artifact_folder, device=device)
    for found, expected in zip(vectors_of(there), vectors_of(encoder), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert torch.backends.cudnn.allow_tf32
