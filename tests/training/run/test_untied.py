"""Test a softmax with its own vectors beside the one that uses the piece embedding."""

import json
from dataclasses import replace

import pytest
import torch

from biLM.network.heads import SIDES
from training.__main__ import main
from training.errors import TrainingError
from training.run.config import TrainConfig
from training.run.held_out import score
from training.run.objective import build_objective
from training.run.recipes import RECIPES
from training.run.stream import Batch

TOY = TrainConfig(
    "toy",
    16,
    16,
    4000,
    batch_pieces=96,
    min_rows=1,
    num_negatives=64,
    learning_rate=0.02,
    warmup_steps=5,
    tied=False,
)
BATCH = Batch(torch.tensor([[1, 5, 6, 7, 9, 2], [1, 9, 8, 2, 0, 0]]), torch.tensor([6, 4]))


@pytest.fixture
def untied(toy_shards):
    return build_objective(TOY, toy_shards)


@pytest.fixture
def tied(toy_shards):
    return build_objective(replace(TOY, tied=True), toy_shards)


def test_it_begins_as_the_tied_one(untied, tied):
    for found, expected in zip(untied.judge(BATCH), tied.judge(BATCH), strict=True):
        assert torch.equal(found.nats, expected.nats)


@pytest.mark.parametrize("sampled", [False, True])
def test_both_parts_of_a_tied_gradient_add_up(untied, tied, sampled):
    """E is read and compared with: d loss / d E is the sum of what either use alone gets."""
    negatives = torch.tensor([3, 5, 9, 9]) if sampled else None
    for objective in (untied, tied):
        objective(BATCH, negatives, dropout=0.0)[0].backward()
    read, compared = untied.bilm.embedding.weight.grad, untied.outputs.weight.grad
    assert set(read.abs().sum(1).nonzero().flatten().tolist()) == {1, 2, 5, 6, 7, 8, 9}
    assert compared.abs().sum() > 0
    torch.testing.assert_close(read + compared, tied.bilm.embedding.weight.grad)


def test_its_vectors_are_what_a_place_is_compared_with(untied):
    """With vectors of nothing but zeros only the bias speaks, whatever the layers have read."""
    with torch.no_grad():
        untied.outputs.weight.zero_()
    expected = -untied.heads.bias.log_softmax(0)
    for found in untied.judge(BATCH):
        torch.testing.assert_close(found.nats, expected[found.targets])


def test_a_run_learns_is_scored_and_not_exported(untied, toy_shards, tmp_path, capsys):
    start = [side.perplexity for side in score(untied, toy_shards.held_out()["toy"])]
    run, shards = str(tmp_path / "run"), str(toy_shards.folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "toy", lambda: replace(TOY, tied=True))
        given = ["train", "toy", "--shards", shards, "--out", run, "--set", "tied=false"]
        assert main(given) == 0
    assert main(["evaluate", run, "--shards", shards]) == 0
    learned = json.loads((tmp_path / "run" / "evaluation.json").read_text())["held_out"]["all"]
    for side, before in zip(SIDES, start, strict=True):
        assert learned[f"{side}_perplexity"] < 0.8 * before
    assert main(["export", run, "--shards", shards, "--out", str(tmp_path / "artifact")]) == 2
    assert "train with --set tied=true" in capsys.readouterr().err
    assert not (tmp_path / "artifact").exists()


def test_it_does_not_start_from_an_artifact():
    with pytest.raises(TrainingError, match=r"tied is false, but the artifact .* --init-from"):
        replace(TOY, init_from="sha256:1")


@pytest.mark.parametrize("value", ["True", "true"])
def test_it_is_set_by_name(value):
    assert TOY.changed([f"tied={value}"]) == replace(TOY, tied=True)


def test_a_word_that_is_neither_is_refused():
    with pytest.raises(TrainingError, match="'no'; it must be of type bool"):
        TOY.changed(["tied=no"])
