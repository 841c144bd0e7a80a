"""Once the weights of a model have changed, no vector is computed with the old ones."""

import copy
import pickle

import numpy as np
import pytest
import torch

from biLM.encoder import Encoder
from biLM.questions.readout import Readout
from biLM.reading.reader import Reader
from tests.reference.lstm import representations

WORDS = ["我", "吃了", "苹果"]
LAYERS = Readout((0, 1, 2))


def in_place(model):
    with torch.no_grad():
        model.forward_lm.layers[1].weight_hh_l0.mul_(0.5)


def in_one_place(model):
    """Change a single value that is not in the sample that `Watch` compares."""
    with torch.no_grad():
        model.forward_lm.layers[1].weight_hh_l0[3, 5] += 2


def through_data(model):
    model.backward_lm.layers[0].weight_ih_l0.data.mul_(0.5)


def by_new_data(model):
    for parameter in model.parameters():
        parameter.data = parameter.data * 0.5


def by_state_dict(model):
    model.load_state_dict({name: 0.5 * value for name, value in model.state_dict().items()})


def by_assigned_state_dict(model):
    halves = {name: 0.5 * value for name, value in model.state_dict().items()}
    model.load_state_dict(halves, assign=True)


def by_optimizer(model, fused=False):
    model.requires_grad_(True)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1, fused=fused)
    ids = torch.tensor([[30, 31, 32]])
    model(ids, torch.tensor([3])).square().sum().backward()
    optimizer.step()
    model.requires_grad_(False)


def by_fused_optimizer(model):
    by_optimizer(model, fused=True)


def by_another_type_and_back(model):
    model.double()
    in_place(model)
    model.float()


CHANGES = [
    in_place,
    in_one_place,
    through_data,
    by_new_data,
    by_state_dict,
    by_assigned_state_dict,
    by_optimizer,
    by_fused_optimizer,
    by_another_type_and_back,
]


@pytest.fixture
def encoder(artifact_folder):
    return Encoder.load(artifact_folder)


def expected_of(model, config, ids):
    """Return the layers that the equations give with the current weights."""
    return representations(model.state_dict(), [config.bos_id, *ids, config.eos_id])[:, 1:-1]


@pytest.mark.parametrize("change", CHANGES)
def test_the_encoder_reads_with_the_weights_of_now(encoder, change):
    passage, artifact = encoder.pieces("我吃了一个苹果"), encoder.artifact
    before = encoder.embed([passage], [LAYERS])[0]
    for _ in range(2):
        change(artifact.model)
        found = encoder.embed([passage], [LAYERS])[0]
        expected = expected_of(artifact.model, artifact.config, passage.ids)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert np.abs(found - before).max() > 1e-3


def test_a_search_writes_with_the_weights_of_now(encoder):
    encoder.complete("我吃")
    by_state_dict(encoder.artifact.model)
    fresh = Encoder(encoder.artifact)
    assert encoder.complete("我吃") == fresh.complete("我吃")
    assert encoder.fill("我____", num_pieces=2) == fresh.fill("我____", num_pieces=2)


def test_a_long_text_is_read_alone_with_the_weights_of_now(encoder):
    passage = encoder.pieces("我吃了一个苹果" * 30)
    by_state_dict(encoder.artifact.model)
    (together,) = encoder.embed([passage], [LAYERS])
    alone = encoder.alone(encoder.vectors_for(passage, LAYERS)).finish()
    np.testing.assert_array_equal(alone, together)


def test_weights_that_stay_are_copied_once(encoder, monkeypatch):
    made, make = [], Reader.__init__

    def counted(reader, *given):
        made.append(reader)
        make(reader, *given)

    monkeypatch.setattr(Reader, "__init__", counted)
    for _ in range(3):
        encoder.embed([encoder.pieces("我")], [LAYERS])
    assert made == []
    in_place(encoder.artifact.model)
    for _ in range(3):
        encoder.embed([encoder.pieces("我")], [LAYERS])
    assert len(made) == 1


def rejected_shapes(encoder, caplog, change_at=None):
    """Return what a proof logs of the shapes whose bits differ, which hangs on the processor."""
    caplog.clear()
    for step, _ in enumerate(encoder.prove()):
        if step == change_at:
            by_state_dict(encoder.artifact.model)
    return [record.getMessage() for record in caplog.records]


def test_shapes_are_proved_with_one_model_even_if_it_changes_meanwhile(
    encoder, caplog, monkeypatch
):
    monkeypatch.setattr("biLM.proof.CLEARLY", 0.0)  # every height is tried, however fast it is
    of_one_model = rejected_shapes(copy.deepcopy(encoder), caplog)
    assert rejected_shapes(encoder, caplog, change_at=20) == of_one_model
    assert len(encoder.heights) > 1


def test_a_pickled_encoder_gives_the_same_bits(encoder):
    passages = [encoder.pieces("我吃了一个苹果"), encoder.words(WORDS)]
    expected = encoder.embed(passages, [LAYERS] * 2)
    for other in (pickle.loads(pickle.dumps(encoder)), copy.deepcopy(encoder)):
        for found, vectors in zip(other.embed(passages, [LAYERS] * 2), expected, strict=True):
            np.testing.assert_array_equal(found, vectors)
        assert other.artifact.model is not encoder.artifact.model
