import json
from dataclasses import replace

import pytest
import torch

from training.errors import CheckpointError, TrainingError
from training.run.averaging import average
from training.run.checkpoint import Checkpoint, Progress, load_checkpoint, save_checkpoint
from training.run.config import TrainConfig

CONFIG = TrainConfig("toy", embedding_size=4, cell_size=4, max_pieces=1000)
PROGRESS = Progress(step=3, pieces=77)


@pytest.fixture
def run(tmp_path):
    """Return a function that saves a run with one weight, and returns its folder."""

    def save(name, weight, vocabulary="5ha256"):
        tensors = {"model.w": weight, "exp_avg.w": torch.ones_like(weight)}
        (tmp_path / name).mkdir()
        checkpoint = Checkpoint(CONFIG, PROGRESS, vocabulary, tensors, rows="a1")
        save_checkpoint(tmp_path / name, checkpoint)
        return tmp_path / name

    return save


def averaged(one, other, share):
    out = one.parent / f"mean of {one.name} and {other.name}"
    average(one, str(other), out, share)
    return load_checkpoint(out)


def test_the_share_is_that_of_the_other_model(run):
    one, other = run("one", torch.tensor([1.0, 2.0])), run("other", torch.tensor([3.0, 6.0]))
    found = averaged(one, other, 0.25).tensors["model.w"]
    torch.testing.assert_close(found, torch.tensor([1.5, 3.0]))


def test_who_comes_first_does_not_matter(run):
    one, other = run("one", torch.rand(5, 7)), run("other", torch.rand(5, 7))
    found = averaged(one, other, 0.3).tensors, averaged(other, one, 0.7).tensors
    torch.testing.assert_close(found[0]["model.w"], found[1]["model.w"])


def test_the_mean_with_itself_is_itself(run):
    one = run("one", torch.rand(5, 7))
    assert torch.equal(
        averaged(one, one, 0.5).tensors["model.w"], load_checkpoint(one).tensors["model.w"]
    )


def test_what_the_run_was_stays_and_the_optimiser_begins_anew(run):
    found = averaged(run("one", torch.rand(2)), run("other", torch.rand(2)), 0.5)
    assert (found.config, found.progress) == (CONFIG, PROGRESS)
    assert (found.vocabulary, found.rows) == ("5ha256", "a1")
    assert list(found.tensors) == ["model.w"]


def test_the_log_goes_on_with_what_was_averaged(run, tmp_path):
    one, other = run("one", torch.rand(2)), run("other", torch.rand(2))
    (one / "log.jsonl").write_text('{"kind": "start"}\n')
    average(one, str(other), tmp_path / "mean", 0.25)
    lines = [json.loads(line) for line in (tmp_path / "mean/log.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["start", "average"]
    assert lines[1]["share"] == 0.25
    assert lines[1]["with"]["weights"].startswith("sha256:")


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, float("nan")])
def test_a_share_that_leaves_out_a_model_is_refused(run, tmp_path, share):
    one = run("one", torch.rand(2))
    with pytest.raises(TrainingError, match="must lie between 0 and 1"):
        average(one, str(one), tmp_path / "mean", share)
    assert not (tmp_path / "mean").exists()


def test_a_folder_with_a_run_is_not_written_over(run):
    one = run("one", torch.rand(2))
    with pytest.raises(CheckpointError, match="has a run already"):
        average(one, str(one), one)


def test_models_whose_pieces_mean_something_else_are_refused(run, tmp_path):
    one, other = run("one", torch.rand(2)), run("other", torch.rand(2), "0ther")
    with pytest.raises(TrainingError, match=r"has the vocabulary 0ther, but the run has 5ha256"):
        average(one, str(other), tmp_path / "mean")


def test_models_of_other_sizes_are_refused_by_the_first_weight(run, tmp_path):
    one, other = run("one", torch.rand(2, 3)), run("other", torch.rand(2, 4))
    with pytest.raises(TrainingError, match=r"w is \(2, 3\) in the run and \(2, 4\) in the other"):
        average(one, str(other), tmp_path / "mean")


def test_a_weight_that_only_one_has_is_named(run, tmp_path):
    one, other = run("one", torch.rand(2)), run("other", torch.rand(2))
    found = load_checkpoint(other)
    more = {**found.tensors, "model.v": torch.rand(3)}
    save_checkpoint(other, replace(found, tensors=more))
    with pytest.raises(TrainingError, match=r"v is None in the run and \(3,\) in the other"):
        average(one, str(other), tmp_path / "mean")


def test_what_is_no_model_is_named(run, tmp_path):
    with pytest.raises(CheckpointError, match=r"nothing/checkpoint.safetensors does not exist"):
        average(run("one", torch.rand(2)), str(tmp_path / "nothing"), tmp_path / "mean")
