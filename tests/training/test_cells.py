import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from biLM.network.config import BiLMConfig
from biLM.network.heads import SIDES
from biLM.network.model import BiLM
from tests.reference import cells as oracle
from tests.reference import lstm as lstm_oracle
from training.__main__ import main
from training.cells.choice import CELLS, OF_TORCH, give_cell, new_layer, written_out
from training.errors import TrainingError
from training.run.checkpoint import load_checkpoint
from training.run.config import TrainConfig
from training.run.held_out import score
from training.run.objective import build_objective
from training.run.recipes import RECIPES
from training.run.stream import Batch

INPUT_SIZE, CELL_SIZE, TIME = 3, 5, 7
# Float64 sums in another order; a wrong gate is off by 1e-1.
REORDERED = {"rtol": 0, "atol": 1e-12}
# Float32 rounding of a few recurrent steps.
ROUNDED = {"rtol": 0, "atol": 1e-6}

TOY = TrainConfig("toy", 16, 16, 4000, batch_pieces=96, min_rows=1, num_negatives=0)
TOY = replace(TOY, learning_rate=0.03, warmup_steps=2)


def numbers(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def written(cell):
    """Return a written-out layer in float64 in which every weight and every bias matters."""
    layer = CELLS[cell](INPUT_SIZE, CELL_SIZE).double().requires_grad_(False)
    for number, parameter in enumerate(layer.parameters()):
        parameter.copy_(numbers(*parameter.shape, seed=number) * 0.7)
    return layer


def of_the_equations(cell, layer, row):
    """[time, states, size] of one row."""
    weights = {name: tensor.numpy() for name, tensor in layer.state_dict().items()}
    peepholes = [weights[name] for name in ("peep_i", "peep_f", "peep_o") if name in weights]
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    return getattr(oracle, cell)(row.numpy(), *(weights[name] for name in names), *peepholes)


@pytest.mark.parametrize("cell", CELLS)
def test_every_state_equals_the_equations(cell):
    layer, x = written(cell), numbers(2, TIME, INPUT_SIZE)
    states = torch.stack([torch.stack(state, dim=1) for state in layer.states(x)], dim=1)
    for row in range(2):
        expected = of_the_equations(cell, layer, x[row])
        np.testing.assert_allclose(states[row].numpy(), expected, **REORDERED)


def test_without_peepholes_the_two_oracles_agree():
    layer, x = written("lstm"), numbers(TIME, INPUT_SIZE)
    weights = {name: tensor.numpy() for name, tensor in layer.state_dict().items()}
    *_, c, h = lstm_oracle.steps(
        x.numpy(),
        weights["weight_ih_l0"],
        weights["weight_hh_l0"],
        weights["bias_ih_l0"] + weights["bias_hh_l0"],
    )
    np.testing.assert_allclose(of_the_equations("lstm", layer, x)[:, 0], h, **REORDERED)
    np.testing.assert_allclose(of_the_equations("lstm", layer, x)[:, 1], c, **REORDERED)


@pytest.mark.parametrize("cell", OF_TORCH)
def test_a_written_out_layer_equals_torchs_own(cell):
    torch.manual_seed(1)
    fused = OF_TORCH[cell](INPUT_SIZE, CELL_SIZE, batch_first=True).requires_grad_(False)
    x = numbers(2, TIME, INPUT_SIZE).float()
    start = [numbers(1, 2, CELL_SIZE, seed=seed).float() for seed in range(CELLS[cell].num_states)]

    expected, last = fused(x, tuple(start) if len(start) > 1 else start[0])
    found, state = written_out(cell, fused)(x, tuple(one[0] for one in start))

    torch.testing.assert_close(found, expected, **ROUNDED)
    for mine, torchs in zip(state, last if len(start) > 1 else (last,), strict=True):
        torch.testing.assert_close(mine, torchs[0], **ROUNDED)


@pytest.mark.parametrize("cell", CELLS)
def test_the_gradient_is_that_of_finite_differences(cell):
    layer, x = written(cell), numbers(2, 4, INPUT_SIZE).requires_grad_()
    names = [name for name, _ in layer.named_parameters()]
    start = [
        numbers(2, CELL_SIZE, seed=9 + n).requires_grad_() for n in range(CELLS[cell].num_states)
    ]
    weights = [tensor.clone().requires_grad_() for tensor in layer.parameters()]

    def read(x, *rest):
        state, given = rest[: len(start)], dict(zip(names, rest[len(start) :], strict=True))
        output, last = torch.func.functional_call(layer, given, (x, state))
        return output, *last

    assert torch.autograd.gradcheck(read, (x, *start, *weights))


@pytest.mark.parametrize("cell", CELLS)
def test_the_gradient_of_a_state_is_that_of_what_it_carries_on(cell):
    """Against finite differences in a row that starts from that state, h and c each moved alone."""
    layer, x, at = written(cell).requires_grad_(), numbers(1, TIME, INPUT_SIZE), 3
    states = list(layer.states(x))
    found = torch.autograd.grad(states[-1][0].sum(), states[at])
    with torch.no_grad():
        for part, grad in enumerate(found):
            for unit in range(CELL_SIZE):
                ends = []
                for step in (1e-6, -1e-6):
                    moved = [one.clone() for one in states[at]]
                    moved[part][0, unit] += step
                    ends.append(layer(x[:, at + 1 :], tuple(moved))[0][:, -1].sum())
                assert float(grad[0, unit]) == pytest.approx(
                    float(ends[0] - ends[1]) / 2e-6, abs=1e-8
                )


@pytest.mark.parametrize("cell", CELLS)
def test_a_row_read_in_two_calls_is_read_as_in_one(cell):
    layer, x = written(cell), numbers(2, TIME, INPUT_SIZE)
    first, state = layer(x[:, :4])
    second, _ = layer(x[:, 4:], state)
    together = torch.cat([first, second], dim=1)
    torch.testing.assert_close(together, layer(x)[0], **REORDERED)


def test_a_new_peephole_layer_is_an_lstm():
    lstm = new_layer("lstm", INPUT_SIZE, CELL_SIZE).requires_grad_(False)
    peephole = new_layer("peephole", INPUT_SIZE, CELL_SIZE).requires_grad_(False)
    assert torch.equal(peephole.bias_ih_l0, lstm.bias_ih_l0)
    assert torch.equal(peephole.bias_hh_l0, lstm.bias_hh_l0)
    peephole.load_state_dict(lstm.state_dict(), strict=False)  # but for the peepholes, new
    x = numbers(2, TIME, INPUT_SIZE).float()
    torch.testing.assert_close(peephole(x)[0], lstm(x)[0], **ROUNDED)


@pytest.mark.parametrize("cell", CELLS)
def test_every_layer_of_a_model_is_of_its_cell_and_of_the_same_sizes(cell):
    model = BiLM(BiLMConfig(num_pieces=11, embedding_size=4, cell_size=6))
    kinds = {type(layer) for layer in model.forward_lm.layers}
    give_cell(model, cell)
    layers = [*model.forward_lm.layers, *model.backward_lm.layers]
    assert {type(layer) for layer in layers} == {OF_TORCH.get(cell, CELLS[cell])}
    assert [layer.input_size for layer in layers] == [4, 6, 4, 6]
    assert {layer.weight_hh_l0.shape for layer in layers} == {(CELLS[cell].num_gates * 6, 6)}
    assert kinds == {nn.LSTM}


def test_an_lstm_by_name_is_the_model_as_it_was(toy_shards):
    """The same weights from the same seed: a run of before goes on bit for bit."""
    objective = build_objective(TOY, toy_shards)
    torch.manual_seed(TOY.seed)
    expected = BiLM(objective.bilm.config).state_dict()
    for name, tensor in objective.bilm.state_dict().items():
        assert torch.equal(tensor, expected[name]), name


@pytest.mark.parametrize("cell", ["peephole", "gru", "rnn"])
def test_the_loss_of_a_cell_reaches_every_weight(cell, toy_shards):
    objective = build_objective(replace(TOY, cell=cell), toy_shards)
    ids = torch.tensor([[1, 5, 6, 7, 9, 2], [1, 9, 8, 2, 0, 0]])
    total, _ = objective(Batch(ids, torch.tensor([6, 4])), None, 0.0)
    total.backward()
    for name, parameter in objective.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.long
@pytest.mark.parametrize("cell", ["gru", "peephole", "rnn"])
def test_a_cell_learns_is_scored_and_not_exported(cell, toy_shards, tmp_path, capsys):
    untrained = build_objective(replace(TOY, cell=cell), toy_shards)
    start = [side.perplexity for side in score(untrained, toy_shards.held_out()["toy"])]
    run, shards = str(tmp_path / "run"), str(toy_shards.folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "toy", lambda: TOY)
        given = ["train", "toy", "--shards", shards, "--out", run, "--set", f"cell={cell}"]
        assert main(given) == 0
    assert load_checkpoint(tmp_path / "run").config.cell == cell
    assert main(["evaluate", run, "--shards", shards]) == 0
    learned = json.loads((tmp_path / "run" / "evaluation.json").read_text())["held_out"]["all"]
    for side, before in zip(SIDES, start, strict=True):  # which is that of the frequencies
        assert learned[f"{side}_perplexity"] < 0.8 * before
    assert main(["export", run, "--shards", shards, "--out", str(tmp_path / "artifact")]) == 2
    assert f"cell is '{cell}'" in (told := capsys.readouterr().err)
    assert "train with --set cell=lstm" in told
    assert not (tmp_path / "artifact").exists()
    senses = ["evaluate", run, "--shards", shards, "--senses", str(tmp_path)]
    assert main(senses) == 2
    assert "train with --set cell=lstm" in capsys.readouterr().err


def test_an_unknown_cell_is_refused_with_those_there_are():
    with pytest.raises(TrainingError, match="'grru'; it must be one of lstm, peephole, gru, rnn"):
        TOY.changed(["cell=grru"])


def test_another_cell_does_not_start_from_an_artifact():
    with pytest.raises(
        TrainingError, match=r"'gru', but the artifact .* leave out either --init-from"
    ):
        replace(TOY, cell="gru", init_from="sha256:1")
