"""Kill a real process by a signal that it cannot catch, at random points of a run."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from training.run.checkpoint import load_checkpoint
from training.run.journal import LOG_NAME

ROOT = Path(__file__).parents[3]
KILLS = 6
POLL_S = 0.002  # how often a run is looked at
SETTINGS = {
    "embedding_size": 8,
    "cell_size": 8,
    "max_pieces": 80_000,
    "batch_pieces": 64,
    "min_rows": 1,
    "num_negatives": 16,
    "dropout": 0.2,
    "warmup_steps": 10,
    "log_every_steps": 1,
    "score_every_steps": 10**6,
    "checkpoint_every_s": 0.02,
}


def start(shards, out):
    command = [sys.executable, "-m", "training", "train", "small"]
    command += ["--shards", str(shards.folder), "--out", str(out)]
    for name, value in SETTINGS.items():
        command += ["--set", f"{name}={value}"]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)


def lines_of(log):
    return log.read_bytes().count(b"\n") if log.exists() else 0


@pytest.mark.long
def test_a_run_killed_at_random_points_ends_like_an_unbroken_one(toy_shards, tmp_path):
    assert start(toy_shards, tmp_path / "unbroken").wait() == 0
    chance, log = random.Random(1), tmp_path / "killed" / LOG_NAME
    for _ in range(KILLS):
        lines = lines_of(log) + chance.randint(1, 120)
        process = start(toy_shards, tmp_path / "killed")
        while lines_of(log) < lines:  # a line a step, and one at the start
            assert process.poll() is None, "the run ended before it was killed"
            time.sleep(POLL_S)
        process.kill()
        process.wait()
    assert start(toy_shards, tmp_path / "killed").wait() == 0
    unbroken, killed = (load_checkpoint(tmp_path / run) for run in ("unbroken", "killed"))
    assert killed.progress.step == unbroken.progress.step
    assert killed.progress.pieces == unbroken.progress.pieces
    for name, tensor in unbroken.tensors.items():
        assert torch.equal(tensor, killed.tensors[name]), name
