from dataclasses import replace

import pytest
import torch

from training.errors import CheckpointError
from training.run.checkpoint import (
    NAME,
    PLATEAU,
    Checkpoint,
    Progress,
    load_checkpoint,
    save_checkpoint,
    serialised,
)
from training.run.config import TrainConfig
from training.run.journal import read_log
from training.run.loop import train
from training.run.packing import VERSION, pack, unpack
from training.run.stream import Position

CONFIG = TrainConfig("toy", embedding_size=4, cell_size=4, max_pieces=1000)
PROGRESS = Progress(step=3, pieces=77, seconds=1.5, position=Position(1, 9))


def checkpoint(**tensors):
    return Checkpoint(CONFIG, PROGRESS, "5ha256", tensors, rows="a1")


def one_weight(second_moment):
    """Return a state with one weight, whose first moment is not 0."""
    weight = torch.randn(second_moment.shape)
    return checkpoint(
        **{
            "model.w": weight,
            "step.w": torch.tensor(3.0),
            "exp_avg.w": torch.ones_like(weight),
            "exp_avg_sq.w": second_moment,
        }
    )


def through_a_file(whole, folder):
    run, file = folder / "run", folder / "small.safetensors"
    run.mkdir()
    save_checkpoint(run, whole)
    pack(run, file)
    unpack(file, folder / "other")
    return load_checkpoint(folder / "other")


def test_a_second_moment_of_rank_one_comes_back(tmp_path):
    found = through_a_file(one_weight(torch.tensor([[1.0, 2.0], [3.0, 6.0]])), tmp_path)
    torch.testing.assert_close(found.tensors["exp_avg_sq.w"], torch.tensor([[1.0, 2], [3, 6]]))


def test_any_other_keeps_the_means_of_its_rows_and_columns(tmp_path):
    before = torch.rand(5, 7)
    after = through_a_file(one_weight(before), tmp_path).tensors["exp_avg_sq.w"]
    assert not torch.allclose(after, before)
    torch.testing.assert_close(after.mean(0), before.mean(0))
    torch.testing.assert_close(after.mean(1), before.mean(1))


def test_a_second_moment_of_zeros_stays_zero(tmp_path):
    found = through_a_file(one_weight(torch.zeros(2, 3)), tmp_path)
    assert torch.equal(found.tensors["exp_avg_sq.w"], torch.zeros(2, 3))


def test_that_of_a_vector_is_kept_whole(tmp_path):
    before = torch.rand(5)
    found = through_a_file(one_weight(before), tmp_path)
    assert torch.equal(found.tensors["exp_avg_sq.w"], before)


def test_weights_are_rounded_first_moments_begin_at_zero_and_the_rest_stays(tmp_path):
    whole = one_weight(torch.rand(5, 7))
    found = through_a_file(whole, tmp_path)
    assert torch.equal(found.tensors["model.w"], whole.tensors["model.w"].bfloat16().float())
    assert torch.equal(found.tensors["exp_avg.w"], torch.zeros(5, 7))
    assert torch.equal(found.tensors["step.w"], torch.tensor(3.0))
    facts = found.config, found.progress, found.vocabulary, found.rows
    assert facts == (CONFIG, PROGRESS, "5ha256", "a1")


def test_a_weight_that_adam_has_not_moved_has_no_moments(tmp_path):
    found = through_a_file(checkpoint(**{"model.w": torch.ones(2, 2)}), tmp_path)
    assert list(found.tensors) == ["model.w"]


@pytest.fixture(scope="module")
def halfway(toy_shards, tmp_path_factory):
    """Return the folder of a run whose rate has begun to fall, its recipe, and a larger one."""
    recipe = TrainConfig(
        "toy", 8, 16, 4000, batch_pieces=128, min_rows=1, num_negatives=32, warmup_steps=5
    )
    recipe = replace(recipe, log_every_steps=1)
    out = tmp_path_factory.mktemp("halfway")
    train(recipe, toy_shards, out)
    return out, recipe, replace(recipe, max_pieces=8000)


def test_a_packed_run_goes_on_from_its_plateau_nearly_as_the_run_itself(
    halfway, toy_shards, tmp_path
):
    out, recipe, larger = halfway
    packed = pack(out, tmp_path / "small.safetensors", plateau=True)
    assert not recipe.decays_at(0)
    assert packed.progress.pieces >= (1 - recipe.decay_share) * recipe.max_pieces
    unpack(tmp_path / "small.safetensors", tmp_path / "carried")
    (tmp_path / "itself").mkdir()
    (tmp_path / "itself" / PLATEAU).write_bytes((out / PLATEAU).read_bytes())
    ends = [train(larger, toy_shards, tmp_path / name) for name in ("carried", "itself")]
    assert ends[0].step == ends[1].step
    assert ends[0].position == ends[1].position
    carried, itself = (
        [entry["forward_nats"] for entry in read_log(tmp_path / name, "train")]
        for name in ("carried", "itself")
    )
    assert len(carried) == len(itself)
    assert carried != itself
    assert sum(carried) / len(carried) == pytest.approx(sum(itself) / len(itself), rel=0.02)


def test_the_file_has_a_sixth_of_the_bytes(tmp_path):
    whole = one_weight(torch.rand(300, 200))
    through_a_file(whole, tmp_path)
    small = (tmp_path / "small.safetensors").stat().st_size
    assert small < (tmp_path / "run" / NAME).stat().st_size / 5.5


def test_a_run_whose_rate_never_fell_has_no_plateau_to_pack(tmp_path):
    save_checkpoint(tmp_path, one_weight(torch.rand(2, 2)))
    with pytest.raises(CheckpointError, match=r"plateau.safetensors does not .* without --plateau"):
        pack(tmp_path, tmp_path / "small.safetensors", plateau=True)


@pytest.mark.parametrize("plateau", [False, True])
def test_a_folder_without_a_run_names_the_step_that_makes_one(tmp_path, plateau):
    with pytest.raises(CheckpointError, match="run `bilm train train` first"):
        pack(tmp_path, tmp_path / "small.safetensors", plateau)


def test_a_folder_with_a_run_is_not_written_over(tmp_path):
    save_checkpoint(tmp_path, one_weight(torch.rand(2, 2)))
    pack(tmp_path, tmp_path / "small.safetensors")
    with pytest.raises(CheckpointError, match="has a run already"):
        unpack(tmp_path / "small.safetensors", tmp_path)


def test_what_is_no_packed_checkpoint_is_refused_by_name(tmp_path):
    with pytest.raises(
        CheckpointError, match="nothing is not a file; make one with `bilm train pack`"
    ):
        unpack(tmp_path / "nothing", tmp_path / "run")
    save_checkpoint(tmp_path, one_weight(torch.rand(2, 2)))
    with pytest.raises(CheckpointError, match=f"{NAME} has version 3, but packed 1 is needed"):
        unpack(tmp_path / NAME, tmp_path / "run")
    torn = serialised(one_weight(torch.rand(2, 2)), VERSION)[:-1]
    (tmp_path / "torn").write_bytes(torn)
    with pytest.raises(CheckpointError, match="torn is damaged"):
        unpack(tmp_path / "torn", tmp_path / "run")
    assert not (tmp_path / "run").exists()
