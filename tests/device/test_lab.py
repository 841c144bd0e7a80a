"""The laboratory measures a model on a device as it does on the CPU."""

import pytest
import torch

from biLM.network.heads import SIDES
from tests.device.conftest import CPU
from training.cells.choice import CELLS
from training.lab.directions import filled
from training.lab.gradients import held_out_rows, of_model
from training.lab.sizes import Plan
from training.lab.trials import Laboratory
from training.run.objective import build_objective

pytestmark = pytest.mark.device

PLAN = Plan.quick()


@pytest.fixture
def lab(toy_shards):
    return Laboratory(PLAN, toy_shards, lambda told: None)


@pytest.mark.parametrize("side", SIDES)
def test_as_many_blanks_are_filled_rightly_as_on_the_cpu(device, lab, side):
    objective = build_objective(PLAN.recipe("lstm"), lab.text).requires_grad_(False)
    with torch.no_grad():
        objective.bilm.embedding.weight.mul_(20)  # no two guesses are so close that sums decide
    expected = filled(objective, side, lab)
    found = filled(objective.to(device), side, lab)
    assert expected[0].among_ten
    for one, other in zip(found, expected, strict=True):
        assert other.predictions
        assert (one.predictions, one.first, one.among_ten) == (
            other.predictions,
            other.first,
            other.among_ten,
        )
        assert one.nats == pytest.approx(other.nats, rel=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_are_traced_back_as_on_the_cpu(device, lab, cell):
    objective = build_objective(PLAN.recipe(cell), lab.text)
    rows = held_out_rows(lab.text, 12, 2)
    expected = of_model(objective, cell, rows)
    found = of_model(objective.to(device), cell, rows)
    assert found.keys() == expected.keys()
    for name, norms in expected.items():
        assert norms[1:].min() > 0
        torch.testing.assert_close(found[name], norms, rtol=1e-10, atol=0.0)  # float64


def test_a_trial_is_trained_and_scored_as_on_the_cpu(device, lab, toy_shards, training_on):
    recipe = PLAN.recipe("lstm", max_pieces=1500, num_negatives=0, score_every_steps=1)
    found = []
    for place in (device, CPU):
        with training_on(place):
            found.append(Laboratory(PLAN, toy_shards, lambda told: None).trial(recipe))
    one, other = found
    assert one.objective.heads.bias.device.type == device.type
    assert one.pieces == other.pieces
    assert len(one.norms) > 1
    assert one.norms == pytest.approx(other.norms, rel=1e-4)
    assert [pieces for pieces, _ in one.curve] == [pieces for pieces, _ in other.curve]
    assert [nats for _, nats in one.curve] == pytest.approx([nats for _, nats in other.curve])
