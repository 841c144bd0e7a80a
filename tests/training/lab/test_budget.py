import pytest
import torch

from training.cells.choice import CELLS
from training.lab.budget import as_long, gradient_norms, recurrent_parameters
from training.lab.sizes import Plan
from training.lab.trials import (
    Laboratory,
    Trial,
    bits_per_character,
    fit,
    learning_curves,
    speeds,
)
from training.run.metrics import LanguageModelScore
from training.run.objective import build_objective
from training.run.stream import Batch

# Each test trains models.
pytestmark = pytest.mark.long

PLAN = Plan.quick()


def told(laboratory):
    """Nothing needs to be told."""


def test_equal_time_gives_a_cell_half_as_fast_half_the_pieces_and_warm_up():
    recipe = Plan().recipe("gru")
    slow = as_long(recipe, 0.5)
    assert slow.max_pieces == recipe.max_pieces / 2
    assert slow.warmup_steps == pytest.approx(recipe.warmup_steps / 2, abs=1)
    assert slow.cell == "gru"


@pytest.mark.parametrize(("cell", "gates"), [("rnn", 1), ("gru", 3), ("lstm", 4)])
def test_parameters_are_those_of_the_equations(cell, gates, toy_shards):
    objective = build_objective(PLAN.recipe(cell), toy_shards)
    width, size = PLAN.embedding_size, PLAN.cell_size
    a_layer = [gates * (size * (read + size) + 2 * size) for read in (width, size)]
    assert recurrent_parameters(objective) == 2 * sum(a_layer)


def test_a_trial_spends_its_budget_and_remembers_every_step(toy_shards):
    lab, recipe = Laboratory(PLAN, toy_shards, told), PLAN.recipe("rnn")
    trial = fit(recipe, build_objective(recipe, toy_shards), lab)
    assert trial.pieces >= recipe.max_pieces
    assert len(trial.norms) > 1
    assert [pieces for pieces, _ in trial.curve][-1] == trial.pieces
    assert lab.trial(recipe) is lab.trial(recipe)


def test_bits_per_character_are_those_of_the_held_out_rows(toy_shards):
    objective = build_objective(PLAN.recipe("lstm"), toy_shards)
    found = LanguageModelScore()
    shard = toy_shards.held_out()["toy"]
    for row in range(len(shard)):
        found = found + row_score(objective, shard.row(row).tolist())
    characters = toy_shards.manifest.held_out_characters["toy"]
    expected = found.bits_per_character(characters)
    assert bits_per_character(objective, toy_shards)[0] == pytest.approx(expected, abs=1e-3)


def row_score(objective, pieces):
    ids = torch.tensor([[1, *pieces, 2]])
    with torch.inference_mode():
        judged = objective.judge(Batch(ids, torch.tensor([ids.shape[1]])))[0]
    return LanguageModelScore.of(judged.nats, judged.ranks)


def test_every_cell_has_a_speed(toy_shards):
    recipes = {cell: PLAN.recipe(cell) for cell in CELLS}
    found = speeds(recipes, Laboratory(PLAN, toy_shards, told))
    assert list(found) == list(CELLS)
    assert min(found.values()) > 0


@pytest.fixture
def known(toy_shards):
    """Return a trial of known norms and points."""
    objective = build_objective(PLAN.recipe("rnn"), toy_shards)
    return lambda norms, curve: Trial(objective, 100, tuple(norms), tuple(curve))


def test_curves_stand_side_by_side(known):
    trials = {"a": known([], [(50, 6.0), (100, 5.0)]), "b": known([], [(50, 6.5), (100, 5.5)])}
    table = learning_curves(trials, "on the way")
    assert table.columns == ("pieces", "a", "b")
    assert table.rows == ((50, 6.0, 6.5), (100, 5.0, 5.5))


def test_a_gradient_is_clipped_where_its_norm_is_above_the_bound(known):
    norms = [0.5, 1.5, 3.0, 1.0]
    table = gradient_norms({"a": known(norms, [])}, bound=1.0)
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert row["steps"] == 4
    assert row["share clipped"] == 0.5
    assert row["largest"] == 3.0
    assert row["median"] == 1.25
    assert (row["mean before"], row["mean after"]) == (1.5, 0.875)
