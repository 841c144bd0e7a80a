import pytest
import torch
from torch import nn

from training.config import TrainConfig
from training.errors import DivergenceError, TrainingError
from training.optim import apply_gradient, build_optimizer, learning_rate

CONFIG = TrainConfig(
    "toy", 4, 4, max_pieces=1000, learning_rate=0.1, warmup_steps=10, final_share=0.1
)


@pytest.mark.parametrize(
    ("step", "progress", "expected"),
    [
        (0, 0.0, 0.01),  # a tenth of the warm-up
        (9, 0.0, 0.1),  # its end: the peak
        (10, 0.5, 0.055),  # half of the cosine, half-way between 0.1 and 0.01
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
    assert apply_gradient(model, optimizer, 0.1, max_norm=1.0) == pytest.approx(5.0)
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
def test_a_gradient_that_is_no_number_is_refused_and_moves_nothing(broken):
    model = nn.Linear(1, 1, bias=False)
    before = model.weight.item()
    model.weight.grad = torch.full((1, 1), broken)
    with pytest.raises(DivergenceError, match="lower learning_rate"):
        apply_gradient(model, build_optimizer(model, CONFIG), 0.1, max_norm=1.0)
    assert model.weight.item() == before


@pytest.mark.parametrize(
    "wrong",
    [{"cell_size": 0}, {"dropout": 1.0}, {"num_negatives": -1}, {"learning_rate": 0.0}],
)
def test_a_recipe_outside_its_range_is_refused_by_name(wrong):
    values = {"name": "toy", "embedding_size": 4, "cell_size": 4, "max_pieces": 1} | wrong
    with pytest.raises(TrainingError, match=next(iter(wrong))):
        TrainConfig(**values)
