import io
import json
import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import sentencepiece
import torch
from safetensors.torch import load_file

from training.checkpoint import NAME, load_checkpoint, read_progress
from training.config import TrainConfig
from training.corpus import CorpusConfig, build_corpus
from training.errors import CheckpointError
from training.held_out import score
from training.journal import Journal, read_log
from training.loop import train
from training.objective import build_objective
from training.shards import Shard, build_shards, encode_rows

CONFIG = TrainConfig(
    "toy",
    embedding_size=8,
    cell_size=8,
    max_pieces=20_000,
    batch_pieces=256,
    num_negatives=64,
    dropout=0.2,
    warmup_steps=10,
    log_every_steps=10,
    score_every_steps=50,
)


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the loop may catch it."""


def test_a_run_killed_and_resumed_equals_an_unbroken_one(toy_shards, tmp_path, monkeypatch):
    train(CONFIG, toy_shards, tmp_path / "unbroken")
    eager = replace(CONFIG, checkpoint_every_s=0.0)
    steps_left = iter([True] * 37)
    advance = Journal.advance

    def advance_until_killed(journal, pieces, loss):
        if not next(steps_left, False):
            raise Killed
        advance(journal, pieces, loss)

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "advance", advance_until_killed)
        with pytest.raises(Killed):
            train(eager, toy_shards, tmp_path / "broken")
    assert read_progress(tmp_path / "broken").step == 37
    train(eager, toy_shards, tmp_path / "broken")

    unbroken, broken = (load_file(tmp_path / run / NAME) for run in ("unbroken", "broken"))
    assert unbroken.keys() == broken.keys()
    for name, tensor in unbroken.items():
        assert torch.equal(tensor, broken[name]), name


def test_the_log_of_a_run_tells_its_recipe_its_hardware_and_every_score(toy_shards, tmp_path):
    progress = train(CONFIG, toy_shards, tmp_path)
    start = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[0])
    assert start["recipe"] == CONFIG.as_dict()
    assert start["commit"]
    assert start["hardware"]
    steps = [entry["step"] for entry in read_log(tmp_path, "train")]
    assert steps == list(range(10, progress.step + 1, 10))
    assert read_log(tmp_path, "score")
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_of_another_recipe_is_not_continued(toy_shards, tmp_path):
    short = replace(CONFIG, max_pieces=500)
    train(short, toy_shards, tmp_path)
    with pytest.raises(CheckpointError, match="choose another --out"):
        train(replace(short, learning_rate=0.1), toy_shards, tmp_path)


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


def test_a_two_word_language_is_learned_to_its_entropy(tmp_path):
    chance = random.Random(1)
    (tmp_path / "text").mkdir()
    (tmp_path / "text/toy.txt").write_text("\n".join(two_word_language(chance, 6000)))
    # All of it: a hash of the text would hold out every copy of a short row, or none.
    build_corpus([tmp_path / "text"], tmp_path / "corpus", CorpusConfig(held_out_one_in=10**9))
    (tmp_path / "pieces.model").write_bytes(two_word_vocabulary())
    shards = build_shards(tmp_path / "corpus", tmp_path / "pieces.model", tmp_path / "shards", 256)
    config = replace(CONFIG, max_pieces=300_000, batch_pieces=2048, learning_rate=0.02)
    config = replace(config, num_negatives=0, dropout=0.0, score_every_steps=10**9)
    train(config, shards, tmp_path / "run")
    objective = build_objective(config, shards)
    load_checkpoint(tmp_path / "run", objective)

    fresh = two_word_language(chance, 2000)
    processor = sentencepiece.SentencePieceProcessor(model_proto=two_word_vocabulary())
    rows = list(encode_rows(fresh, processor, 256))
    pieces = np.array([piece for row in rows for piece in row], dtype=np.uint16)
    shard = Shard(pieces, np.cumsum([len(row) for row in rows]))
    expected = sum(nats_of_the_language(row) for row in fresh)
    for direction in score(objective, shard, characters=0):
        # Without a look at the word before, the best would be 40 % above.
        assert direction.nats == pytest.approx(expected, rel=0.02)
