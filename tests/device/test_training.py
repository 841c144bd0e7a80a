"""A run on a device is the run of the CPU.

Both add float32 numbers, in another order. One sum of a few hundred then differs by about 1e-6 of
its size; six steps of Adam add that up to much less than 1e-4 of the largest weight, which is
what two processes may differ by from one (tests/training/run/test_distributed.py).
"""

from dataclasses import replace

import pytest
import torch

from tests.device.conftest import CPU
from training.errors import DivergenceError
from training.run.checkpoint import NAME, load_checkpoint
from training.run.config import TrainConfig
from training.run.journal import read_log
from training.run.loop import UNREAD_STEPS, Run, train
from training.run.objective import BiLMObjective, build_objective
from training.run.stream import Stream

pytestmark = pytest.mark.device

STEPS = 6
CONFIG = TrainConfig(
    "toy",
    embedding_size=8,
    cell_size=8,
    max_pieces=STEPS * 200,
    batch_pieces=256,
    min_rows=1,
    num_negatives=0,  # a generator of another device draws other negatives
    warmup_steps=2,
    max_gradient_norm=0.17,  # which clips some steps and not others
    log_every_steps=1,
    score_every_steps=3,
)


@pytest.fixture
def run_on(toy_shards, tmp_path, training_on):
    """Return what trains on a device, in a folder of its own unless one is named."""

    def run_on(device, config=CONFIG, out=None, stops=None):
        out = out or tmp_path / f"{device.type}-{config.max_pieces}"
        with training_on(device):
            train(config, toy_shards, out, stops=stops)
        return out

    return run_on


def assert_same_run(one, other):
    first, second = load_checkpoint(one), load_checkpoint(other)
    assert replace(first.progress, seconds=0.0) == replace(second.progress, seconds=0.0)
    assert first.tensors.keys() == second.tensors.keys()
    for name, tensor in first.tensors.items():
        scale = float(tensor.abs().max())
        torch.testing.assert_close(second.tensors[name], tensor, rtol=0.0, atol=1e-4 * scale)


def test_a_run_is_that_of_the_cpu(device, run_on):
    there, here = run_on(device), run_on(CPU)
    assert_same_run(there, here)
    for kind, names in {
        "train": ["forward_nats", "gradient_norm"],
        "score": ["cloze_nats"],
    }.items():
        logs = [read_log(folder, kind) for folder in (there, here)]
        assert len(logs[0]) == len(logs[1]) > 1
        for name in names:
            found, expected = ([entry[name] for entry in log] for log in logs)
            assert found == pytest.approx(expected, rel=1e-4)
    norms = [entry["gradient_norm"] for entry in read_log(here, "train")]
    assert min(norms) < CONFIG.max_gradient_norm < max(norms)


@pytest.mark.parametrize("cell", ["gru", "peephole", "rnn"])
def test_a_run_of_another_cell_is_that_of_the_cpu(device, run_on, cell):
    short = replace(CONFIG, cell=cell, max_pieces=300)
    assert_same_run(run_on(device, short), run_on(CPU, short))


def test_a_run_goes_on_from_one_device_to_the_other(device, run_on, tmp_path):
    half = replace(CONFIG, max_pieces=int(CONFIG.max_pieces * (1 - CONFIG.decay_share) / 2))
    for number, (first, then) in enumerate([(CPU, device), (device, CPU)]):
        out = tmp_path / f"moved-{number}"
        run_on(first, half, out)
        run_on(then, CONFIG, out)
        assert_same_run(out, run_on(CPU))


def broken_at(steps):
    """Return the objective's forward pass with a loss that is not a number in some steps."""
    forward, calls = BiLMObjective.forward, iter(range(10**6))

    def sometimes_broken(objective, *given):
        total, losses = forward(objective, *given)
        return (total * float("nan") if next(calls) in steps else total), losses

    return sometimes_broken


def test_a_step_that_is_no_number_is_skipped_and_counted(device, run_on, monkeypatch):
    for place in (device, CPU):
        with monkeypatch.context() as patch:
            patch.setattr(BiLMObjective, "forward", broken_at({2, 3, 5}))
            run_on(place)
    there, here = run_on(device), run_on(CPU)
    assert load_checkpoint(there).progress.skipped == 3
    assert_same_run(there, here)


def test_steps_that_stay_no_number_end_the_run_and_leave_no_checkpoint(
    device, run_on, monkeypatch, tmp_path
):
    monkeypatch.setattr(BiLMObjective, "forward", broken_at(range(2, 100)))
    seldom = replace(CONFIG, max_pieces=10**6, log_every_steps=1000, score_every_steps=1000)
    with pytest.raises(DivergenceError, match="5 steps in a row, the last of them step 6"):
        run_on(device, seldom, tmp_path / "run")
    assert not (tmp_path / "run" / NAME).exists()


def test_a_checkpoint_counts_the_steps_whose_outcome_was_not_read(device, run_on, monkeypatch):
    monkeypatch.setattr(BiLMObjective, "forward", broken_at({2}))
    seldom = replace(CONFIG, log_every_steps=1000, score_every_steps=1000)
    out = run_on(device, seldom, stops=lambda progress: progress.step == 3)
    progress = load_checkpoint(out).progress
    assert (progress.step, progress.skipped, progress.skipped_in_a_row) == (3, 1, 1)


def test_a_step_waits_for_no_value(device, toy_shards, no_waiting):
    run = Run(CONFIG, device, build_objective(CONFIG, toy_shards).to(device))
    batches = run.batches(toy_shards)
    for _ in range(3):  # the first ones make what later ones use
        following, batch = next(batches)
        run.step(batch, following)
    following, batch = next(batches)
    with no_waiting():
        run.step(batch, following)
    assert len(run.unread) == UNREAD_STEPS
    run.settle()
    assert not run.unread


@pytest.mark.parametrize("cloze_weight", [0.0, 0.5])
def test_the_sampled_loss_and_its_gradients_are_those_of_the_cpu(device, toy_shards, cloze_weight):
    config = replace(CONFIG, cloze_weight=cloze_weight)
    batch = next(Stream(toy_shards.train(), 256, (1, 2), seed=1).epoch_once())
    negatives = torch.randint(300, (64,), generator=torch.Generator().manual_seed(1))
    found = []
    for place in (device, CPU):
        objective = build_objective(config, toy_shards).to(place)
        total, nats = objective(batch.to(place), negatives.to(place), 0.0)
        total.backward()
        gradients = [one.grad.cpu() for one in objective.parameters() if one.grad is not None]
        found.append([total.detach().cpu(), nats.cpu(), *gradients])
    assert len(found[0]) == len(found[1])
    for one, other in zip(*found, strict=True):
        # Sums of some hundred products, each off by 6e-8 of its size.
        torch.testing.assert_close(one, other, rtol=0.0, atol=1e-5 * float(other.abs().max()))
