import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from training.errors import TrainingError
from training.run.config import TrainConfig
from training.run.optim import apply_gradient, build_optimizer, learning_rate

CONFIG = TrainConfig(
    "toy",
    4,
    4,
    max_pieces=1000,
    learning_rate=0.1,
    warmup_steps=10,
    final_share=0.1,
    decay_share=0.4,
)


@pytest.mark.parametrize(
    ("step", "progress", "expected"),
    [
        (0, 0.0, 0.01),  # a tenth of the warm-up
        (9, 0.0, 0.1),  # its end: the peak
        (10, 0.6, 0.1),  # the plateau lasts until the last 0.4 of the budget
        (10, 0.7, 0.055),  # a quarter of the decay, half-way between 0.1 and 0.01
        (10, 1.0, 0.01),  # a tenth of the peak
        (10, 1.5, 0.01),  # the last batch may pass the budget
    ],
)
def test_the_rate_warms_up_and_decays(step, progress, expected):
    assert learning_rate(CONFIG, step, progress) == pytest.approx(expected)


def test_the_gradient_is_clipped_as_a_whole_and_its_own_norm_reported():
    model = nn.Linear(1, 2, bias=False)
    model.weight.grad = torch.tensor([[3.0], [4.0]])
    optimizer = build_optimizer(model, CONFIG)
    assert float(apply_gradient(model, optimizer, 0.1, max_norm=1.0)) == pytest.approx(5.0)
    # Adam's first moment is (1 - 0.9) of the clipped gradient (0.6, 0.8)
    moment = optimizer.state[model.weight]["exp_avg"].flatten().tolist()
    assert moment == pytest.approx([0.06, 0.08])


def test_the_given_rate_is_the_length_of_adams_first_step():
    model = nn.Linear(1, 1, bias=False)
    before = model.weight.item()
    model.weight.grad = torch.ones(1, 1)
    apply_gradient(model, build_optimizer(model, CONFIG), 0.02, max_norm=10.0)
    assert before - model.weight.item() == pytest.approx(0.02, rel=1e-4)
    assert model.weight.grad is None


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_gradient_that_is_no_number_moves_nothing_and_is_forgotten(broken):
    model = nn.Linear(1, 1, bias=False)
    before = model.weight.item()
    model.weight.grad = torch.full((1, 1), broken)
    optimizer = build_optimizer(model, CONFIG)
    assert not math.isfinite(apply_gradient(model, optimizer, 0.1, max_norm=1.0))
    assert model.weight.item() == before
    assert model.weight.grad is None
    assert not optimizer.state


@pytest.mark.parametrize(
    "wrong",
    [
        {"cell_size": 0},
        {"dropout": 1.0},
        {"num_negatives": -1},
        {"learning_rate": 0.0},
        {"decay_share": 0.0},
        {"min_rows": 0},
    ],
)
def test_a_recipe_outside_its_range_is_refused_by_name(wrong):
    values = {"name": "toy", "embedding_size": 4, "cell_size": 4, "max_pieces": 1} | wrong
    with pytest.raises(TrainingError, match=next(iter(wrong))):
        TrainConfig(**values)


def test_a_value_of_the_recipe_is_set_by_name_and_kind():
    changed = CONFIG.changed(["cell_size=32", "dropout=0.25", "name=other"])
    assert (changed.cell_size, changed.dropout, changed.name) == (32, 0.25, "other")
    assert changed.learning_rate == CONFIG.learning_rate


@pytest.mark.parametrize(
    ("assignment", "message"),
    [("cel_size=3", "no 'cel_size'"), ("cell_size=wide", "'wide'; it must be of type int")],
)
def test_a_value_that_no_recipe_has_is_refused_by_name(assignment, message):
    with pytest.raises(TrainingError, match=message):
        CONFIG.changed([assignment])


@pytest.mark.parametrize("weights", [(0.0, 0.0, 0.0), (1.0, -1.0, 1.0)])
def test_an_objective_that_asks_for_nothing_is_refused(weights):
    names = ("forward_weight", "backward_weight", "cloze_weight")
    with pytest.raises(TrainingError, match="objective weights"):
        replace(CONFIG, **dict(zip(names, weights, strict=True)))
