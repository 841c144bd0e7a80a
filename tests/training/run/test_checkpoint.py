from dataclasses import replace

import pytest
import torch

from training.errors import CheckpointError
from training.run.checkpoint import (
    NAME,
    PLATEAU,
    PREVIOUS,
    Checkpoint,
    Progress,
    find_checkpoints,
    load_checkpoint,
    save_checkpoint,
)
from training.run.config import TrainConfig
from training.run.objective import build_objective
from training.run.optim import apply_gradient, build_optimizer
from training.run.stream import Position

CONFIG = TrainConfig("toy", embedding_size=4, cell_size=4, max_pieces=1000)
PROGRESS = Progress(step=3, pieces=77, seconds=1.5, position=Position(1, 9))
VOCABULARY = "5ha256"


@pytest.fixture
def run(toy_shards):
    """Return a model that has taken one step, so that Adam has moments."""
    objective = build_objective(CONFIG, toy_shards)
    optimizer = build_optimizer(objective, CONFIG)
    for parameter in objective.parameters():
        parameter.grad = torch.randn_like(parameter)
    apply_gradient(objective, optimizer, 0.1, 1.0)
    return objective, optimizer


def write(folder, progress, run, **given):
    save_checkpoint(folder, Checkpoint.of(CONFIG, progress, VOCABULARY, *run), **given)


def test_weights_moments_and_progress_come_back_exactly(run, toy_shards, tmp_path):
    objective, optimizer = run
    write(tmp_path, PROGRESS, run)
    other = build_objective(replace(CONFIG, seed=2), toy_shards)
    other_optimizer = build_optimizer(other, CONFIG)
    found = load_checkpoint(tmp_path)
    found.restore(other, other_optimizer)
    assert (found.config, found.progress, found.vocabulary) == (CONFIG, PROGRESS, VOCABULARY)
    for mine, theirs in zip(objective.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs)
        for moment, value in optimizer.state[mine].items():
            assert torch.equal(other_optimizer.state[theirs][moment], value)


def test_a_full_disk_is_told_with_what_is_needed_and_loses_nothing(run, tmp_path, monkeypatch):
    write(tmp_path, PROGRESS, run)

    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("biLM.files.os.fsync", full_disk)
    with pytest.raises(CheckpointError, match=r"No space .* MiB are needed.* make room"):
        write(tmp_path, replace(PROGRESS, step=4), run)
    assert load_checkpoint(tmp_path).progress == PROGRESS
    assert not list(tmp_path.glob(".*.tmp"))  # half a file would keep the disk full


def torn(data):
    return data[:-100]


def hollow(data):
    """Return data of the same length with a missing end, as after a power cut."""
    return data[:-100] + bytes(100)


def foreign(data):
    return data.replace(b'"version":"3"', b'"version":"7"')


@pytest.mark.parametrize(
    ("damage", "message"),
    [(torn, "is damaged"), (hollow, "not the ones that were written"), (foreign, "has version 7")],
)
def test_a_bad_checkpoint_is_refused_by_name_and_the_one_before_it_used(
    run, tmp_path, damage, message
):
    write(tmp_path, PROGRESS, run)
    write(tmp_path, replace(PROGRESS, step=4), run)
    path = tmp_path / NAME
    path.write_bytes(damage(path.read_bytes()))
    found, refusals = find_checkpoints(tmp_path)
    assert [checkpoint.progress for checkpoint in found] == [PROGRESS]
    assert str(path) in refusals[0]
    assert message in refusals[0]
    (tmp_path / PREVIOUS).unlink()
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(tmp_path)


def test_the_plateau_stands_before_the_checkpoint_that_passes_it(run, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(
        "training.run.checkpoint.write_atomically", lambda path, data: written.append(path.name)
    )
    write(tmp_path, PROGRESS, run, ends_plateau=True)
    assert written == [PLATEAU, NAME]


def test_a_run_whose_first_steps_were_skipped_has_no_moments_and_goes_on(toy_shards, tmp_path):
    objective = build_objective(CONFIG, toy_shards)
    write(tmp_path, PROGRESS, (objective, build_optimizer(objective, CONFIG)))
    optimizer = build_optimizer(objective, CONFIG)
    load_checkpoint(tmp_path).restore(objective, optimizer)
    assert not optimizer.state


def test_shards_of_another_vocabulary_are_refused(run, tmp_path):
    write(tmp_path, PROGRESS, run)
    load_checkpoint(tmp_path).require_vocabulary(VOCABULARY)
    with pytest.raises(CheckpointError, match=r"of vocabulary 5ha256, but these are of other;"):
        load_checkpoint(tmp_path).require_vocabulary("other")


def test_rows_of_another_text_are_refused_where_both_are_known(run, tmp_path):
    known = replace(Checkpoint.of(CONFIG, PROGRESS, VOCABULARY, *run), rows="a1")
    save_checkpoint(tmp_path, known)
    load_checkpoint(tmp_path).require_rows("a1")
    load_checkpoint(tmp_path).require_rows("")  # shards of version 1 do not name their rows
    with pytest.raises(CheckpointError, match=r"the rows a1, but these shards have b2; .* --out"):
        load_checkpoint(tmp_path).require_rows("b2")
    write(tmp_path, PROGRESS, run)
    load_checkpoint(tmp_path).require_rows("b2")  # a checkpoint that names none


def test_a_kill_between_the_two_renames_leaves_a_checkpoint(run, tmp_path):
    write(tmp_path, PROGRESS, run)
    (tmp_path / NAME).rename(tmp_path / PREVIOUS)
    assert load_checkpoint(tmp_path).progress == PROGRESS


def test_a_checkpoint_of_other_sizes_is_refused(run, toy_shards, tmp_path):
    write(tmp_path, PROGRESS, run)
    wider = build_objective(replace(CONFIG, cell_size=8), toy_shards)
    with pytest.raises(CheckpointError, match="other sizes"):
        load_checkpoint(tmp_path).restore(wider)


def test_a_missing_checkpoint_names_the_step_that_makes_one(tmp_path):
    with pytest.raises(CheckpointError, match="bilm train train"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("pieces", "at_peak", "changed", "leads"),
    [
        (500, True, {"max_pieces": 2000}, True),
        (500, True, {"max_pieces": 800}, True),
        (500, True, {"max_pieces": 600}, False),  # its rate has fallen by then
        (500, True, {"max_pieces": 2000, "decay_share": 0.7}, True),
        (500, True, {"decay_share": 0.7}, False),  # its rate has fallen by then
        (800, False, {"max_pieces": 2000}, False),  # this run's own rate has fallen
        (800, False, {}, True),
        (500, True, {"max_pieces": 2000, "learning_rate": 0.1}, False),
        (800, False, {"log_every_steps": 7, "checkpoint_every_s": 1.0}, True),  # of no weight
    ],
)
def test_another_budget_is_the_same_run_until_the_rate_falls(
    run, tmp_path, pieces, at_peak, changed, leads
):
    progress = replace(PROGRESS, pieces=pieces, at_peak=at_peak)
    write(tmp_path, progress, run)
    assert load_checkpoint(tmp_path).leads_to(replace(CONFIG, **changed)) is leads
