from dataclasses import replace

import pytest
import torch
from torch import nn

from training.lab.inputs import OneHotLayer, read_one_hot, trained_parameters
from training.lab.sizes import Plan
from training.run.objective import build_objective
from training.run.stream import Batch

pytestmark = pytest.mark.long

PLAN = Plan.quick()
# Float32 rounding of a few recurrent steps.
ROUNDED = {"rtol": 0, "atol": 1e-6}


@pytest.fixture
def objective(toy_shards):
    return build_objective(PLAN.recipe("lstm"), toy_shards)


def batch():
    return Batch(torch.tensor([[1, 5, 6, 7, 9, 2], [1, 9, 8, 2, 0, 0]]), torch.tensor([6, 4]))


@pytest.mark.parametrize("direction", [0, 1])
def test_a_column_looked_up_is_a_one_hot_vector_multiplied(objective, direction):
    """Torch's LSTM over true one-hot vectors, its W the table's columns, gives the same states."""
    read_one_hot(objective)
    sizes = objective.bilm.config
    stack = (objective.bilm.forward_lm, objective.bilm.backward_lm)[direction]
    layer, width = stack.layers[0], 4 * sizes.cell_size
    columns = objective.inputs.weight[:, direction * width : (direction + 1) * width]
    reference = nn.LSTM(sizes.num_pieces, sizes.cell_size, batch_first=True)
    reference.load_state_dict({**layer.layer.state_dict(), "weight_ih_l0": columns.T})
    ids = batch().ids
    with torch.no_grad():
        one_hot = nn.functional.one_hot(ids, sizes.num_pieces).float()
        expected, _ = reference(one_hot)
        found, _ = layer(objective.inputs(ids))
    torch.testing.assert_close(found, expected, **ROUNDED)


def test_the_identity_is_not_trained(objective):
    read_one_hot(objective)
    layer = objective.bilm.forward_lm.layers[0]
    assert isinstance(layer, OneHotLayer)
    total, _ = objective(batch(), None, 0.0)
    total.backward()
    assert layer.layer.weight_ih_l0.grad is None
    assert layer.layer.weight_hh_l0.grad.abs().sum() > 0
    seen = set(batch().ids.flatten().tolist()) - {0}
    moved = objective.inputs.weight.grad.abs().sum(1).nonzero().flatten().tolist()
    assert set(moved) == seen


def test_parameters_are_counted_by_what_is_trained(objective, toy_shards):
    sizes = objective.bilm.config
    width, size, pieces = sizes.embedding_size, sizes.cell_size, sizes.num_pieces
    tied = trained_parameters(objective)
    assert tied[0] == pieces * width
    untied = build_objective(replace(PLAN.recipe("lstm"), tied=False), toy_shards)
    assert trained_parameters(untied) == (pieces * width, tied[1] + pieces * width)
    read_one_hot(objective)
    columns = 2 * 4 * size * pieces
    first_layers = 2 * 4 * size * width  # their W is now the table
    assert trained_parameters(objective) == (columns, tied[1] + columns - first_layers)
