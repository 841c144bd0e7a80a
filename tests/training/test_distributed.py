import os
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from training.checkpoint import load_checkpoint
from training.config import TrainConfig
from training.distributed import Team
from training.journal import read_log
from training.loop import train
from training.stream import Batch

ROOT = Path(__file__).parents[2]
CONFIG = TrainConfig(
    "toy",
    embedding_size=8,
    cell_size=8,
    max_pieces=3000,
    batch_pieces=250,  # 7 or 15 rows a batch: they do not divide by two
    min_rows=1,
    num_negatives=64,
    warmup_steps=5,
    max_gradient_norm=1000.0,  # so that the first moments are the gradient itself
    log_every_steps=1,
    score_every_steps=10,
)
WORKER = """
import sys
from contextlib import nullcontext
from pathlib import Path

import training.loop
import training.objective
from tests.training.test_distributed import CONFIG
from training.shards import Shards

made = training.objective.read_both


def read_both(*given):
    tops = made(*given)
    assert tops[0].grad_fn is None or tops[0].grad_fn.name() == "_ReadBothBackward"
    return tops


training.objective.read_both = read_both  # two processes, and two threads in each
training.loop.autocast = nullcontext  # float32: it is arithmetic that is compared, not rounding
max_pieces, shards, out = int(sys.argv[1]), Shards(Path(sys.argv[2])), Path(sys.argv[3])
training.loop.train(CONFIG.changed([f"max_pieces={max_pieces}"]), shards, out)
"""


def train_with_torchrun(max_pieces, shards, out):
    """The same run in two processes."""
    script = out.with_suffix(".py")
    script.write_text(WORKER)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", str(script), str(max_pieces), str(shards.folder), str(out)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2"}
    environment["CUDA_VISIBLE_DEVICES"] = ""  # two processes would want two GPUs
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def assert_same_run(one, other):
    """Weights and moments agree; after one step the first moment is a tenth of the gradient."""
    first, second = load_checkpoint(one), load_checkpoint(other)
    assert first.progress.step == second.progress.step
    assert first.progress.position == second.progress.position
    for name, tensor in first.tensors.items():
        scale = float(tensor.abs().max())
        torch.testing.assert_close(second.tensors[name], tensor, rtol=0.0, atol=1e-4 * scale)


@pytest.fixture(autouse=True)
def _on_the_cpu_in_float32(monkeypatch):
    monkeypatch.setattr("training.loop.autocast", nullcontext)
    monkeypatch.setattr("training.loop.choose_device", lambda: torch.device("cpu"))


@pytest.mark.parametrize("max_pieces", [1, 3000])
def test_two_processes_train_as_one_does(toy_shards, tmp_path, max_pieces):
    train(replace(CONFIG, max_pieces=max_pieces), toy_shards, tmp_path / "one")
    train_with_torchrun(max_pieces, toy_shards, tmp_path / "two")
    assert_same_run(tmp_path / "one", tmp_path / "two")
    losses = [
        [entry["cloze_nats"] for entry in read_log(tmp_path / name, "train")]
        for name in ("one", "two")
    ]
    assert len(losses[0]) == load_checkpoint(tmp_path / "one").progress.step
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_a_run_of_two_processes_goes_on_in_one(toy_shards, tmp_path):
    plateau = int(CONFIG.max_pieces * (1 - CONFIG.decay_share) / 2)
    train(CONFIG, toy_shards, tmp_path / "unbroken")
    train_with_torchrun(plateau, toy_shards, tmp_path / "run")
    train(CONFIG, toy_shards, tmp_path / "run")
    assert_same_run(tmp_path / "unbroken", tmp_path / "run")


@pytest.mark.parametrize("size", [2, 3, 7])
def test_the_shares_of_a_team_are_the_batch_and_all_of_one_shape(size):
    batch = Batch(torch.arange(20).view(5, 4), torch.tensor([4, 3, 3, 2, 0]))
    shares = [Team(rank, size).share(batch) for rank in range(size)]
    assert len({share.ids.shape for share in shares}) == 1
    rows = [
        (tuple(ids.tolist()), length)
        for share in shares
        for ids, length in zip(share.ids, share.lengths.tolist(), strict=True)
        if length
    ]
    expected = zip(map(tuple, batch.ids.tolist()), batch.lengths.tolist(), strict=True)
    assert sorted(rows) == sorted(row for row in expected if row[1])


def test_a_team_of_one_takes_the_batch_as_it_is():
    batch = Batch(torch.zeros(5, 4, dtype=torch.long), torch.ones(5, dtype=torch.long))
    assert Team().share(batch) is batch
