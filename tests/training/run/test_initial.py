from dataclasses import replace

import numpy as np
import pytest
import torch

from training.errors import TrainingError
from training.run.checkpoint import load_checkpoint
from training.run.config import TrainConfig
from training.run.held_out import score
from training.run.initial import PEAK_SHARE, adapted, check_vocabulary, objective_of
from training.run.loop import train
from training.text.shards import Shard, build_shards
from training.text.vocabulary import VocabularyConfig, train_vocabulary

RECIPE = TrainConfig(
    "toy",
    embedding_size=64,
    cell_size=64,
    max_pieces=20_000,
    batch_pieces=256,
    min_rows=1,
    num_negatives=64,
    learning_rate=0.02,
    warmup_steps=5,
)


@pytest.fixture
def known(encoder):
    """Return the tiny artifact as loaded from disk, with its revision."""
    return encoder.artifact


def held_out_nats(objective, shards):
    found = score(objective, Shard.joined(list(shards.held_out().values())))
    return [one.nats_per_piece for one in found]


def test_a_recipe_adapted_has_the_sizes_of_the_artifact_and_smaller_steps(known):
    config = adapted(RECIPE, known)
    assert config.embedding_size == known.config.embedding_size
    assert config.cell_size == known.config.cell_size
    assert config.num_layers == known.config.num_layers
    assert config.init_from == known.revision
    assert config.learning_rate == RECIPE.learning_rate * PEAK_SHARE


def test_a_run_starts_where_the_artifact_is(known, toy_shards, tmp_path):
    still = replace(adapted(RECIPE, known), max_pieces=1, learning_rate=1e-12)
    train(still, toy_shards, tmp_path, known)
    tensors = load_checkpoint(tmp_path).tensors
    expected = {f"model.bilm.{n}": t for n, t in known.model.state_dict().items()}
    expected |= {f"model.heads.{n}": t for n, t in known.heads.state_dict().items()}
    for name, tensor in expected.items():
        torch.testing.assert_close(tensors[name], tensor, rtol=0.0, atol=1e-9)


@pytest.mark.long
def test_it_ends_better_on_the_new_text(known, toy_shards, tmp_path):
    config = adapted(RECIPE, known)
    train(config, toy_shards, tmp_path, known)
    before, after = objective_of(known), objective_of(known)
    load_checkpoint(tmp_path).restore(after)
    now, then = (np.array(held_out_nats(one, toy_shards)) for one in (after, before))
    assert (now < 0.9 * then).all(), (now, then)


def test_what_was_begun_goes_on_without_the_artifact(known, toy_shards, tmp_path):
    config = adapted(RECIPE, known)
    assert train(config, toy_shards, tmp_path, known) == train(config, toy_shards, tmp_path)


def test_an_artifact_that_is_not_the_recipe_s_is_refused(known, toy_shards, tmp_path):
    config = adapted(RECIPE, known)
    with pytest.raises(TrainingError, match="none was given; pass its folder with --init-from"):
        train(config, toy_shards, tmp_path)
    with pytest.raises(TrainingError, match="sha256:other was given"):
        train(config, toy_shards, tmp_path, replace(known, revision="sha256:other"))


def test_a_recipe_of_other_sizes_is_refused(known, toy_shards, tmp_path):
    wider = replace(adapted(RECIPE, known), cell_size=20)
    with pytest.raises(TrainingError, match="do not --set the sizes"):
        train(wider, toy_shards, tmp_path, known)


def test_shards_of_another_vocabulary_are_refused(known, toy_corpus, tmp_path):
    train_vocabulary(
        sorted(toy_corpus.glob("train-*.txt")), tmp_path / "other.model", VocabularyConfig(360)
    )
    shards = build_shards(toy_corpus, tmp_path / "other.model", tmp_path / "shards", 32)
    with pytest.raises(TrainingError, match=r"--vocabulary and the pieces\.model"):
        check_vocabulary(known, shards)
