from dataclasses import replace

import pytest
import torch

from training.checkpoint import (
    NAME,
    Progress,
    load_checkpoint,
    read_progress,
    save_checkpoint,
    saved_config,
)
from training.config import TrainConfig
from training.errors import CheckpointError
from training.objective import build_objective
from training.optim import apply_gradient, build_optimizer
from training.stream import Position

CONFIG = TrainConfig("toy", embedding_size=4, cell_size=4, max_pieces=1000)
PROGRESS = Progress(step=3, pieces=77, seconds=1.5, position=Position(1, 9))


@pytest.fixture
def run(toy_shards):
    """A model that has taken one step, so that Adam has moments."""
    objective = build_objective(CONFIG, toy_shards)
    optimizer = build_optimizer(objective, CONFIG)
    for parameter in objective.parameters():
        parameter.grad = torch.randn_like(parameter)
    apply_gradient(objective, optimizer, 0.1, 1.0)
    return objective, optimizer


def test_weights_moments_and_progress_come_back_exactly(run, toy_shards, tmp_path):
    objective, optimizer = run
    save_checkpoint(tmp_path, CONFIG, PROGRESS, objective, optimizer)
    other = build_objective(replace(CONFIG, seed=2), toy_shards)
    other_optimizer = build_optimizer(other, CONFIG)
    assert load_checkpoint(tmp_path, other, other_optimizer) == PROGRESS
    assert read_progress(tmp_path) == PROGRESS
    assert saved_config(tmp_path) == CONFIG
    for mine, theirs in zip(objective.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs)
        for moment, value in optimizer.state[mine].items():
            assert torch.equal(other_optimizer.state[theirs][moment], value)


def test_a_write_that_fails_leaves_the_checkpoint_before(run, tmp_path, monkeypatch):
    save_checkpoint(tmp_path, CONFIG, PROGRESS, *run)

    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("biLM.files.os.fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(tmp_path, CONFIG, replace(PROGRESS, step=4), *run)
    assert read_progress(tmp_path) == PROGRESS


def test_a_truncated_checkpoint_is_refused_by_name(run, tmp_path):
    save_checkpoint(tmp_path, CONFIG, PROGRESS, *run)
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"checkpoint\.safetensors is damaged"):
        load_checkpoint(tmp_path, run[0])


def test_a_checkpoint_of_other_sizes_is_refused(run, toy_shards, tmp_path):
    save_checkpoint(tmp_path, CONFIG, PROGRESS, *run)
    wider = build_objective(replace(CONFIG, cell_size=8), toy_shards)
    with pytest.raises(CheckpointError, match="other sizes"):
        load_checkpoint(tmp_path, wider)


def test_a_missing_checkpoint_names_the_step_that_makes_one(run, tmp_path):
    with pytest.raises(CheckpointError, match="python -m training train"):
        load_checkpoint(tmp_path, run[0])
