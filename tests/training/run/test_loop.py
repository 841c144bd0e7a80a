import io
import json
import random
import shutil
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import sentencepiece
import torch

from training.errors import CheckpointError, DivergenceError
from training.result.assemble import load_objective
from training.result.export import export
from training.run.checkpoint import NAME, load_checkpoint
from training.run.config import TrainConfig
from training.run.held_out import score
from training.run.journal import Journal, read_log
from training.run.loop import train
from training.run.objective import BiLMObjective, build_objective
from training.text.corpus import CorpusConfig, build_corpus
from training.text.shards import Shard, Shards, build_shards, encode_rows

CONFIG = TrainConfig(
    "toy",
    embedding_size=8,
    cell_size=8,
    max_pieces=20_000,
    batch_pieces=256,
    min_rows=1,
    num_negatives=64,
    dropout=0.2,
    warmup_steps=10,
    log_every_steps=10,
    score_every_steps=50,
)


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the loop may catch it."""


def train_until_killed(config, shards, out, steps):
    """Train, and die after so many steps of this process."""
    left = iter([True] * steps)
    advance = Journal.advance

    def advance_until_killed(journal, pieces, loss):
        if not next(left, False):
            raise Killed
        advance(journal, pieces, loss)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "advance", advance_until_killed)
        with pytest.raises(Killed):
            train(config, shards, out)


@pytest.fixture(scope="module")
def unbroken(toy_shards, tmp_path_factory):
    """Return the folder of a run without interruption; no test may change it."""
    folder = tmp_path_factory.mktemp("unbroken")
    train(CONFIG, toy_shards, folder)
    return folder


def assert_same_run(one, other):
    first, second = (load_checkpoint(folder).tensors for folder in (one, other))
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


def test_a_run_killed_and_resumed_equals_an_unbroken_one(unbroken, toy_shards, tmp_path):
    eager = replace(CONFIG, checkpoint_every_s=0.0)
    train_until_killed(eager, toy_shards, tmp_path, steps=37)
    assert load_checkpoint(tmp_path).progress.step == 37
    train(CONFIG, toy_shards, tmp_path)
    assert_same_run(unbroken, tmp_path)
    losses = [
        [(entry["step"], entry["cloze_nats"]) for entry in read_log(run, "train")]
        for run in (unbroken, tmp_path)
    ]
    assert losses[0] == losses[1]


def test_a_run_whose_last_checkpoint_is_torn_goes_on_from_the_one_before(
    unbroken, toy_shards, tmp_path
):
    eager = replace(CONFIG, checkpoint_every_s=0.0)
    train_until_killed(eager, toy_shards, tmp_path, steps=9)
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes()[:1000])
    train(CONFIG, toy_shards, tmp_path)
    assert_same_run(unbroken, tmp_path)
    notes = [
        line
        for line in (tmp_path / "log.jsonl").read_text().splitlines()
        if "checkpoint.safetensors is damaged" in line
    ]
    assert len(notes) == 1


@pytest.mark.long
def test_a_finished_run_goes_on_to_a_larger_budget_as_if_it_had_had_it(
    unbroken, toy_shards, tmp_path
):
    # Checkpoints after every step leave none before the decay but the one that is kept for this.
    eager = replace(CONFIG, max_pieces=6_000, checkpoint_every_s=0.0)
    train(eager, toy_shards, tmp_path)
    train(CONFIG, toy_shards, tmp_path)
    assert_same_run(tmp_path, unbroken)


def test_a_step_that_is_no_number_is_skipped_and_counted(toy_shards, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BiLMObjective, "forward", broken_at({3, 4, 9}))
        progress = train(replace(CONFIG, max_pieces=5_000), toy_shards, tmp_path)
    assert (progress.skipped, progress.skipped_in_a_row) == (3, 0)
    for name, tensor in load_checkpoint(tmp_path).tensors.items():
        assert tensor.isfinite().all(), name


def test_steps_that_stay_no_number_end_the_run_with_the_cause(toy_shards, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BiLMObjective, "forward", broken_at(range(2, 100)))
        with pytest.raises(DivergenceError, match="5 steps in a row, the last of them step 6"):
            train(CONFIG, toy_shards, tmp_path)


def broken_at(steps):
    """Return the objective's forward pass with a loss that is not a number in some steps."""
    forward, calls = BiLMObjective.forward, iter(range(10**6))

    def sometimes_broken(objective, *given):
        total, losses = forward(objective, *given)
        return (total * float("nan") if next(calls) in steps else total), losses

    return sometimes_broken


def test_the_log_of_a_run_tells_its_recipe_its_hardware_and_every_score(unbroken):
    start = json.loads((unbroken / "log.jsonl").read_text().splitlines()[0])
    assert start["recipe"] == CONFIG.as_dict()
    assert start["commit"]
    assert start["hardware"]
    steps = [entry["step"] for entry in read_log(unbroken, "train")]
    assert steps == list(range(10, load_checkpoint(unbroken).progress.step + 1, 10))
    assert read_log(unbroken, "score")


def test_a_run_of_another_recipe_is_not_continued(toy_shards, tmp_path):
    short = replace(CONFIG, max_pieces=500)
    train(short, toy_shards, tmp_path)
    with pytest.raises(CheckpointError, match="choose another --out"):
        train(replace(short, learning_rate=0.1), toy_shards, tmp_path)


def test_a_run_is_not_continued_or_read_with_shards_of_another_vocabulary(toy_shards, tmp_path):
    """The other vocabulary has as many pieces, so no size reveals it."""
    short = replace(CONFIG, max_pieces=500)
    train(short, toy_shards, tmp_path / "run")
    shutil.copytree(toy_shards.folder, tmp_path / "other")
    replace(toy_shards.manifest, vocabulary_sha256="0" * 64).write(tmp_path / "other")
    other = Shards(tmp_path / "other")
    with pytest.raises(CheckpointError, match="these are of 0000"):
        train(replace(short, max_pieces=900), other, tmp_path / "run")
    with pytest.raises(CheckpointError, match="these are of 0000"):
        load_objective(load_checkpoint(tmp_path / "run"), other)


def test_a_run_is_not_continued_or_exported_with_rows_of_another_text(toy_shards, tmp_path):
    """The other text has the same vocabulary, and as many rows and pieces."""
    short = replace(CONFIG, max_pieces=500)
    train(short, toy_shards, tmp_path / "run")
    shutil.copytree(toy_shards.folder, tmp_path / "other")
    replace(toy_shards.manifest, rows_sha256="0" * 64).write(tmp_path / "other")
    other = Shards(tmp_path / "other")
    with pytest.raises(CheckpointError, match=r"these shards have 0000.* use --init-from"):
        train(replace(short, max_pieces=900), other, tmp_path / "run")
    with pytest.raises(CheckpointError, match="these shards have 0000"):
        export(tmp_path / "run", other, tmp_path / "artifact", None)


def two_word_language(chance, number):
    """Rows of 甲 and 乙: each word repeats the one before in 9 of 10 cases; 1 row in 10 ends."""
    rows = []
    for _ in range(number):
        row = [chance.choice("甲乙")]
        while chance.random() < 0.9:
            row.append(row[-1] if chance.random() < 0.9 else "甲乙"[row[-1] == "甲"])
        rows.append("".join(row))
    return rows


def nats_of_the_language(row):
    """-log p of a row under the process that made it, its end included."""
    repeats = sum(a == b for a, b in pairwise(row))
    changes = len(row) - 1 - repeats
    return -(np.log(0.5) + repeats * np.log(0.81) + changes * np.log(0.09) + np.log(0.1))


CORPUS = CorpusConfig(held_out_one_in=10**9, keep_duplicates=True)


def two_word_vocabulary():
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["甲", "乙"] * 10),
        model_writer=model,
        model_type="char",
        vocab_size=6,
        add_dummy_prefix=False,
        minloglevel=2,
    )
    return model.getvalue()


# Without a look at the word before, the best would be 40 % above the entropy. Seeds differ by less
# than a per cent.
@pytest.mark.long
def test_a_two_word_language_is_learned_to_its_entropy(tmp_path):
    max_pieces, within = 600_000, 0.02
    chance = random.Random(1)
    (tmp_path / "text").mkdir()
    (tmp_path / "text/toy.txt").write_text("\n".join(two_word_language(chance, 6000)))
    # All of it: a hash of the text would hold out every copy of a short row, or none.
    build_corpus([tmp_path / "text"], tmp_path / "corpus", CORPUS)
    (tmp_path / "pieces.model").write_bytes(two_word_vocabulary())
    shards = build_shards(tmp_path / "corpus", tmp_path / "pieces.model", tmp_path / "shards", 256)
    config = replace(CONFIG, max_pieces=max_pieces, batch_pieces=2048, learning_rate=0.05)
    config = replace(config, num_negatives=0, dropout=0.0, decay_share=1.0, cloze_weight=0.0)
    config = replace(config, score_every_steps=10**9)
    train(config, shards, tmp_path / "run")
    objective = build_objective(config, shards)
    load_checkpoint(tmp_path / "run").restore(objective)

    fresh = two_word_language(chance, 2000)
    processor = sentencepiece.SentencePieceProcessor(model_proto=two_word_vocabulary())
    rows = list(encode_rows(fresh, processor, 256))
    pieces = np.array([piece for row in rows for piece in row], dtype=np.uint16)
    shard = Shard(pieces, np.cumsum([len(row) for row in rows]))
    expected = sum(nats_of_the_language(row) for row in fresh)
    for direction in score(objective, shard)[:2]:
        assert direction.nats == pytest.approx(expected, rel=within)
