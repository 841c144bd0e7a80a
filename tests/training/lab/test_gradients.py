import math

import pytest
import torch
from torch import nn

from training.cells.layer import WrittenOut
from training.cells.lstm import Lstm
from training.lab.gradients import held_out_rows, of_model, reach, state_gradients
from training.lab.sizes import Plan
from training.run.objective import build_objective

pytestmark = pytest.mark.long

STEPS = 30


class Linear(WrittenOut):
    """h' = W x + U h, without a squashing function: its gradients are known in closed form."""

    num_gates = 1
    num_states = 1

    def step(self, seen, state):
        """Return the result of the equation above."""
        return (seen + self.of_state(state[0]),)


def numbers(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("w", [0.5, 1.0, 1.25])
def test_the_curve_of_a_linear_rnn_is_w_to_the_k(w):
    layer = Linear(2, 3).double()
    layer.weight_hh_l0.data.copy_(w * torch.eye(3))
    norms = state_gradients(layer, numbers(2, STEPS, 2), lambda h: h[:, 0])
    assert norms.shape == (1, STEPS, 2)
    for k in range(STEPS):
        assert norms[0, k].tolist() == pytest.approx([w**k] * 2, rel=1e-12)


def test_along_the_memory_the_curve_is_that_of_the_forget_gate():
    """Without U, c reaches the end by f alone, and h not at all: dL/dc = o f^k, dL/dh = 0."""
    layer, bias = Lstm(2, 3).double(), 2.0
    layer.bias_ih_l0.data[3:6] = bias
    norms = state_gradients(layer, numbers(1, STEPS, 2), lambda h: h[:, 0])
    f = 1 / (1 + math.exp(-bias))
    assert norms[0, :, 0].tolist() == [1.0] + [0.0] * (STEPS - 1)
    assert norms[1, 1:, 0].tolist() == pytest.approx([0.5 * f**k for k in range(1, STEPS)])


@pytest.mark.parametrize("cell", ["lstm", "peephole", "gru", "rnn"])
def test_the_gradient_of_a_model_is_that_of_its_own_loss(cell, toy_shards):
    """Against the loss with the top layer's state nudged, all of it run by torch's layers."""
    objective = build_objective(Plan.quick().recipe(cell), toy_shards).double()
    rows = held_out_rows(toy_shards, 9, 1)
    norms = of_model(objective, cell, rows)
    assert list(norms) == [f"{cell} d{part}" for part in "hc"][: len(norms)]
    ids, k = rows[:, :-1], 3
    first, top = objective.bilm.forward_lm.layers
    with torch.no_grad():
        x = first(objective.bilm.embedding(ids))[0]
        _, state = top(x[:, :-k])
        grads = []
        for unit in range(objective.bilm.config.cell_size):
            ends = []
            for step in (1e-5, -1e-5):
                whole = isinstance(state, tuple)
                moved = [one.clone() for one in (state if whole else [state])]
                moved[0].view(-1)[unit] += step
                given = moved[0] if isinstance(state, torch.Tensor) else tuple(moved)
                ends.append(loss_after(objective, top, x[:, -k:], given, rows[:, -1]))
            grads.append((ends[0] - ends[1]) / 2e-5)
    expected = torch.stack(grads).norm()
    assert float(norms[f"{cell} dh"][k]) == pytest.approx(float(expected), rel=1e-5)


def loss_after(objective, top, x, state, target):
    z = objective.heads.forward_head(top(x, state)[0][:, -1] + x[:, -1])
    logits = z @ objective.bilm.embedding.weight.T + objective.heads.bias
    return nn.functional.cross_entropy(logits, target)


def test_reach_is_where_a_hundredth_of_one_step_back_is_left():
    assert reach(torch.tensor([9.0, 1.0, 0.5, 0.011, 0.009, 0.02])) == 4
    assert reach(torch.tensor([9.0, 1.0, 0.5])) is None


def test_rows_are_unbroken_stretches_of_the_held_out_text(toy_shards):
    pieces = toy_shards.held_out()["toy"].pieces.tolist()
    rows = held_out_rows(toy_shards, 9, 3)
    assert rows.flatten().tolist() == pieces[:30]
    assert held_out_rows(toy_shards, 10**9, 3).flatten().tolist() == pieces
