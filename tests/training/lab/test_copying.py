import pytest
import torch

from training.lab import copying
from training.lab.copy_task import INPUT_SIZE, NUM_KEPT, NUM_SYMBOLS, SIGN, Copier, draw
from training.lab.copying import TESTED, TRAINED, accuracy, best_rate
from training.lab.sizes import Plan
from training.lab.trials import Laboratory

pytestmark = pytest.mark.long


def fresh(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_row_shows_what_is_kept_then_others_then_signs():
    x, kept = draw(50, 6, fresh())
    row = x.argmax(-1)
    assert torch.equal(x.sum(-1), torch.ones(50, NUM_KEPT + 6 + NUM_KEPT))
    assert torch.equal(row[:, :NUM_KEPT], kept)
    ignored = row[:, NUM_KEPT:-NUM_KEPT]
    assert set(ignored.flatten().tolist()) == set(range(NUM_SYMBOLS, 2 * NUM_SYMBOLS))
    assert set(row[:, -NUM_KEPT:].flatten().tolist()) == {SIGN}
    assert x.shape[-1] == INPUT_SIZE


def test_accuracy_counts_the_symbols_named_rightly():
    model = Copier("rnn", 4).requires_grad_(False)
    model.out.weight.zero_()
    model.out.bias.copy_(torch.arange(NUM_SYMBOLS))  # always names the last symbol
    _, kept = draw(copying.TEST_ROWS, 2, fresh(7))
    expected = sum(symbol == NUM_SYMBOLS - 1 for symbol in kept.flatten().tolist()) / kept.numel()
    assert accuracy(model, 2, 7) == expected


def test_a_cell_that_is_given_time_keeps_what_it_saw():
    """A small LSTM names far more than one in eight after the delays it learns first."""
    run = copying.Trained("lstm", 0.03, 1, Plan(copy_size=24, copy_steps=150))
    assert run.accuracies[0] > 0.4


def test_the_rate_shown_is_the_better_one_on_rows_that_do_not_judge_it(monkeypatch):
    class Known(copying.Trained):
        def __init__(self, cell, rate, seed, plan):
            self.chosen_by = {0.003: 0.5, 0.01: 0.4}[rate] + 0.01 * seed
            self.accuracies = [rate] * len(TESTED)

    monkeypatch.setattr(copying, "Trained", Known)
    rate, runs = best_rate("gru", Laboratory(Plan(copy_seeds=2), None, lambda told: None))
    assert (rate, len(runs)) == (0.003, 2)


def test_the_table_is_the_mean_over_seeds(monkeypatch):
    class Known(copying.Trained):
        def __init__(self, cell, rate, seed, plan):
            self.chosen_by = rate
            self.accuracies = [(seed + place) / 16 for place in range(len(TESTED))]

    monkeypatch.setattr(copying, "Trained", Known)
    found = copying.measure(Laboratory(Plan(copy_seeds=3), None, lambda told: None))
    accuracies, seeds = found.tables
    assert accuracies.column("delay") == list(TESTED)
    assert accuracies.column("gru") == [(2 + place) / 16 for place in range(len(TESTED))]
    last = TESTED.index(max(TRAINED))
    assert seeds.rows[0] == ("lstm", 0.01, 3, (1 + last) / 16, (3 + last) / 16)
