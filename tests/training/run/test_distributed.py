import json
import os
import re
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from training.run.checkpoint import load_checkpoint
from training.run.config import TrainConfig
from training.run.distributed import Team, leads
from training.run.journal import read_entries, read_log
from training.run.loop import train
from training.run.stream import Batch

ROOT = Path(__file__).parents[3]
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
import gc
import json
import os
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from torch import distributed
from torch.nn.parallel import DistributedDataParallel

import training.run.loop
import training.run.objective
from training.errors import TrainingError
from training.run.config import TrainConfig
from training.text.shards import Shards

made = training.run.objective.read_both


def read_both(*given):
    tops = made(*given)
    assert tops[0].grad_fn is None or tops[0].grad_fn.name() == "_ReadBothBackward"
    return tops


training.run.objective.read_both = read_both  # two processes, and two threads in each
training.run.loop.autocast = nullcontext  # float32: it is arithmetic that is compared, not rounding
shards, runs = Shards(Path(sys.argv[1])), json.loads(sys.argv[2])
begin, rank = distributed.init_process_group, int(os.environ["RANK"])
end = distributed.destroy_process_group


def end_group():
    joined = [one for one in gc.get_objects() if type(one) is DistributedDataParallel]
    assert not joined, "the group would end while its threads may wait for the interpreter's lock"
    end()


distributed.destroy_process_group = end_group

def train(number, out, recipe):
    if number:
        # torchrun's store still holds the addresses of the group before, which would wait for ever.
        anew = {"init_method": f"file://{runs[0][0]}-{number}.store", "rank": rank, "world_size": 2}
        distributed.init_process_group = partial(begin, **anew)
    training.run.loop.train(TrainConfig(**recipe), shards, Path(out))


def own(out):  # the folder on a machine that has no disk in common with the other one
    return f"{out}-elsewhere" if rank and Path(out).name == "apart" else out


for number, (out, recipe) in enumerate(runs):
    train(number, own(out), recipe)
out, recipe = runs[-1]
wrong = {"recipe": {"seed": rank + 1}, "folder": {"learning_rate": 0.5}}
for number, (name, change) in enumerate(wrong.items(), start=len(runs)):
    try:
        train(number, own(out), {**recipe, **change})
    except TrainingError as error:
        Path(f"{out}-{name}-{rank}").write_text(f"{type(error).__name__}: {error}")
"""
PLATEAU = int(CONFIG.max_pieces * (1 - CONFIG.decay_share) / 2)  # a budget that ends in the middle
BUDGETS = (1, PLATEAU, CONFIG.max_pieces)


# One start of two processes trains all the runs: the start takes far longer than they do.
@pytest.fixture(scope="module")
def by_two(toy_shards, tmp_path_factory):
    """Return the folder of the run of each budget, trained by two processes.

    The run `apart` is trained to the plateau and then to the end, and its second process has a
    folder of its own. Then the two are given different recipes, and a folder of another recipe.
    """
    folder = tmp_path_factory.mktemp("two")
    budgets = [(str(budget), budget) for budget in BUDGETS]
    budgets += [("apart", budget) for budget in BUDGETS[1:]]
    runs = [(str(folder / name), replace(CONFIG, max_pieces=budget)) for name, budget in budgets]
    script = folder / "worker.py"
    script.write_text(WORKER)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", str(script), str(toy_shards.folder)]
    command += [json.dumps([(out, recipe.as_dict()) for out, recipe in runs])]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2"}
    environment["CUDA_VISIBLE_DEVICES"] = ""  # two processes would want two GPUs
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    return {name: folder / str(name) for name in (*BUDGETS, "apart")}


def assert_same_run(one, other):
    """Weights and moments agree; after one step the first moment is a tenth of the gradient."""
    first, second = load_checkpoint(one), load_checkpoint(other)
    assert first.progress.step == second.progress.step
    assert first.progress.position == second.progress.position
    for name, tensor in first.tensors.items():
        scale = float(tensor.abs().max())
        torch.testing.assert_close(second.tensors[name], tensor, rtol=0.0, atol=1e-4 * scale)


@pytest.fixture(scope="module", autouse=True)
def _on_the_cpu_in_float32():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.run.loop.autocast", nullcontext)
        patch.setattr("training.run.loop.choose_device", lambda: torch.device("cpu"))
        yield


@pytest.fixture(scope="module")
def by_one(toy_shards, tmp_path_factory):
    """Return the folders of a run of one step and of a whole run, by budget; trained here."""
    folders = {budget: tmp_path_factory.mktemp("one") for budget in (1, CONFIG.max_pieces)}
    for budget, folder in folders.items():
        train(replace(CONFIG, max_pieces=budget), toy_shards, folder)
    return folders


@pytest.mark.long
@pytest.mark.parametrize("budget", [1, CONFIG.max_pieces])
def test_two_processes_train_as_one_does(by_one, by_two, budget):
    runs = by_one[budget], by_two[budget]
    assert_same_run(*runs)
    losses = [[entry["cloze_nats"] for entry in read_log(run, "train")] for run in runs]
    assert len(losses[0]) == load_checkpoint(by_one[budget]).progress.step
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


@pytest.mark.long
def test_a_run_of_two_processes_goes_on_in_one(toy_shards, by_one, by_two):
    train(CONFIG, toy_shards, by_two[PLATEAU])
    assert_same_run(by_one[CONFIG.max_pieces], by_two[PLATEAU])


@pytest.mark.long
def test_machines_without_a_common_disk_resume_where_the_first_one_was(by_two):
    assert_same_run(by_two[CONFIG.max_pieces], by_two["apart"])
    elsewhere = by_two["apart"].with_name("apart-elsewhere")
    assert list(elsewhere.iterdir()) == []
    began_at = [start["resumed_at_step"] for start in read_entries(by_two["apart"], "start")]
    # The first budget's rate began to fall there, so a run of a larger budget resumes there.
    plateau = replace(CONFIG, max_pieces=PLATEAU)
    log = read_log(by_two["apart"], "train")
    ended = [entry["step"] for entry in log if plateau.decays_at(entry["pieces"])]
    assert began_at == [0, ended[0]]


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("recipe", r"TrainingError: process 0 has recipe .*seed=1.* process 1 has .*seed=2.*copy"),
        ("folder", r"CheckpointError: .*apart has a run of .*choose another --out"),
    ],
)
def test_every_process_refuses_what_one_refuses(by_two, name, message):
    for rank in range(2):
        refusal = by_two["apart"].with_name(f"apart-{name}-{rank}").read_text()
        assert re.match(message, refusal), refusal


@pytest.mark.parametrize(("rank", "expected"), [(None, True), ("0", True), ("1", False)])
def test_of_the_processes_that_torchrun_starts_the_first_leads(monkeypatch, rank, expected):
    monkeypatch.delenv("RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("RANK", rank)
    assert leads() is expected


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
