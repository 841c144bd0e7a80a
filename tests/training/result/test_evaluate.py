import json
import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest
import sentencepiece
import torch

from biLM.network.config import BiLMConfig
from biLM.network.heads import SIDES, Heads
from biLM.network.model import BiLM
from biLM.tokenizer import Tokenizer
from training.errors import TrainingError
from training.result.evaluate import (
    evaluate_artifact,
    evaluate_sample,
    frequency_bits,
    score_held_out,
)
from training.result.report import report
from training.result.sample import draw_sample
from training.result.senses import read_pairs, score_senses
from training.result.sources import MAX_NAMED
from training.result.words import words_of
from training.run.config import TrainConfig
from training.run.initial import objective_of
from training.run.loop import train
from training.run.objective import build_objective
from training.text.shard_manifest import ShardManifest
from training.text.shards import Shards, build_shards, encode_rows
from training.text.vocabulary import VocabularyConfig, train_vocabulary


def test_a_word_is_a_piece_of_two_or_more_han_characters(pieces_model):
    tokenizer = Tokenizer(pieces_model)
    chosen = {tokenizer.piece(int(i)) for i in words_of(tokenizer).nonzero()}
    assert "苹果" in chosen
    assert chosen.isdisjoint({"我", "，", "<s>", "<0x41>", "The"})


@pytest.fixture
def knows_frequencies(toy_shards):
    """Return an objective whose heads predict the same everywhere: the softmax of the bias."""
    objective = build_objective(TrainConfig("toy", 8, 8, 1), toy_shards)
    with torch.no_grad():
        for parameter in objective.heads.parameters():
            parameter.zero_()
        objective.heads.bias.copy_(torch.randperm(len(toy_shards.counts)) / 50)
    return objective


def test_a_model_of_known_probabilities_is_scored_by_hand(knows_frequencies, toy_shards):
    figures = score_held_out(knows_frequencies, toy_shards)
    table, fill = figures["held_out"], figures["fill"]
    bias = knows_frequencies.heads.bias.detach().double().numpy()
    nats = np.log(np.exp(bias).sum()) - bias
    shard = toy_shards.held_out()["toy"]
    pieces = shard.pieces.astype(int)
    total = nats[pieces].sum() + len(shard) * nats[2]  # the end of each row, piece 2
    characters = toy_shards.manifest.held_out_characters["toy"]
    found = table["all"]["forward_bits_per_character"]
    assert found == pytest.approx(total / np.log(2) / characters, abs=1e-3)
    assert table["toy"] == table["all"]
    assert figures["languages"] == {"Chinese": table["all"]}

    best = np.argsort(-bias)[:10]
    is_word = words_of(Tokenizer(toy_shards.vocabulary.read_bytes())).numpy()
    words = pieces[is_word[pieces]]
    assert fill["places"] == len(words) > 0
    for side in SIDES:
        assert fill[side]["accuracy_at_10"] == pytest.approx(np.isin(words, best).mean(), abs=1e-4)
        assert fill[side]["accuracy_at_1"] == pytest.approx((words == best[0]).mean(), abs=1e-4)


def with_english(toy_corpus, folder):
    """Return a copy of the corpus whose held-out text has a second source, in English."""
    shutil.copytree(toy_corpus, folder)
    (folder / "held_out/abroad.txt").write_text("The virus scanner found 3 files.\n" * 20)
    return folder


def test_each_language_has_the_figures_of_its_sources(
    knows_frequencies, toy_shards, toy_corpus, tmp_path
):
    corpus = with_english(toy_corpus, tmp_path / "corpus")
    shards = build_shards(corpus, toy_shards.vocabulary, tmp_path / "shards", 32)
    figures = score_held_out(knows_frequencies, shards)
    assert list(figures["languages"]) == ["Chinese", "other languages"]
    assert figures["languages"]["Chinese"] == figures["held_out"]["toy"]
    assert figures["languages"]["other languages"] == figures["held_out"]["abroad"]
    assert figures["held_out"]["abroad"]["characters"] == 20 * 32


def test_a_sample_has_the_same_languages(run, toy_shards, toy_corpus, artifact, tmp_path):
    sample = draw_sample(with_english(toy_corpus, tmp_path / "corpus"), 10**9)
    figures = evaluate_sample(run, toy_shards, sample, still(artifact), 1e9)
    assert figures["languages"]["Chinese"] == figures["held_out"]["toy"]
    assert figures["languages"]["other languages"] == figures["held_out"]["abroad"]
    assert figures["beside"]["languages"]["other languages"]["characters"] == 20 * 32
    chinese, other, all_ = (
        f"{row['forward_bits_per_character']:.2f} and {row['backward_bits_per_character']:.2f}"
        for row in (*figures["languages"].values(), figures["held_out"]["all"])
    )
    said = f"Chinese {chinese}, other languages {other}, all {all_} bits per character"
    assert said in report(figures)[0]


def test_an_artifact_is_scored_as_a_run_is(artifact, toy_shards, tmp_path):
    artifact = still(artifact)
    figures = evaluate_artifact(artifact, toy_shards, before=artifact)
    expected = score_held_out(objective_of(artifact), toy_shards)
    assert {name: figures[name] for name in expected} == expected
    assert figures["before"]["languages"] == figures["languages"]
    with pytest.raises(TrainingError, match="nothing to score still on; give --shards"):
        evaluate_artifact(artifact)


def test_two_artifacts_are_compared_on_the_same_pairs(encoder, tmp_path):
    """Equal models differ by nothing; the figures are those of `score_senses`."""
    rows = [
        {"lemma": word, "tag": tag, "sentence1": one, "start1": 2, "end1": 4}
        | {"sentence2": other, "start2": 2, "end2": 4}
        for word, one, other, tag in (
            ("苹果", "我吃苹果。", "他用苹果手机。", "F"),
            ("苹果", "我吃苹果。", "她吃苹果了。", "T"),
            ("病毒", "电脑病毒。", "感染病毒，医生说。", "F"),
            ("病毒", "电脑病毒。", "查杀病毒软件。", "T"),
        )
    ]
    (tmp_path / "dev.jsonl").write_text("\n".join(map(json.dumps, rows)))
    artifact = encoder.artifact
    figures = evaluate_artifact(artifact, senses=tmp_path, before=replace(artifact, id="other"))
    pairs = read_pairs(tmp_path / "dev.jsonl")
    expected = score_senses(encoder, pairs, artifact.mixes)
    for vector, found in figures["senses"]["dev"].items():
        assert found == asdict(expected[vector])
        assert figures["senses_before"]["dev"][vector] == found
        assert figures["senses_less_before"]["dev"][vector] == {"auc": 0, "interval": (0, 0)}


def toy_sample(toy_corpus):
    return draw_sample(toy_corpus, 2_000)


def by_hand(objective, pieces_model, sample):
    """Return the forward bits per character of a model that predicts by its bias alone."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=pieces_model)
    bias = objective.heads.bias.detach().double().numpy()
    nats = np.log(np.exp(bias).sum()) - bias
    total = 0.0
    for excerpt in sample.excerpts:
        for row in encode_rows([excerpt.text], processor, 32):
            total += nats[row].sum() + nats[2]
    return total / np.log(2) / sample.characters


@pytest.fixture(scope="module")
def run(toy_shards, tmp_path_factory):
    """Return the folder of a run that has taken one step."""
    folder = tmp_path_factory.mktemp("run")
    train(TrainConfig("toy", 8, 8, 1, num_negatives=16, batch_pieces=64), toy_shards, folder)
    return folder


def still(artifact):
    """Return an artifact whose heads predict by its bias alone."""
    heads = Heads(artifact.config)
    with torch.no_grad():
        for parameter in heads.parameters():
            parameter.zero_()
        torch.manual_seed(4)
        heads.bias.copy_(torch.randperm(artifact.config.num_pieces) / 64)
    return replace(artifact, id="still", heads=heads, revision="sha256:still")


def test_an_artifact_of_another_vocabulary_is_scored_on_the_same_text(
    run, toy_shards, toy_corpus, artifact, tmp_path
):
    other_pieces = tmp_path / "other.model"
    text = sorted(toy_corpus.glob("train-*.txt"))
    train_vocabulary(text, other_pieces, VocabularyConfig(380))
    model = BiLM(BiLMConfig(num_pieces=380, embedding_size=8, cell_size=12)).eval()
    sizes = {"config": model.config, "model": model, "pieces_model": other_pieces.read_bytes()}
    beside, sample = still(replace(artifact, **sizes)), toy_sample(toy_corpus)
    figures = evaluate_sample(run, toy_shards, sample, beside, 1e9)
    expected = by_hand(objective_of(beside), beside.pieces_model, sample)
    found = figures["beside"]["held_out"]["all"]
    assert found["forward_bits_per_character"] == pytest.approx(expected, abs=1e-3)
    assert found["characters"] == figures["held_out"]["all"]["characters"] == sample.characters
    assert figures["beside"]["id"] == "still"
    assert "before" not in figures


def test_the_card_states_the_sample_and_the_figures_are_kept(
    run, toy_shards, toy_corpus, artifact, monkeypatch
):
    sample, beside = toy_sample(toy_corpus), still(artifact)
    figures = evaluate_sample(run, toy_shards, sample, beside, 1e9)
    facts = figures["sample"]
    assert (facts["excerpts"], facts["characters"]) == (len(sample.excerpts), sample.characters)
    assert facts["sources"] == 1
    assert facts["is_whole"] is True
    assert figures["held_out"]["toy"] == figures["held_out"]["all"]
    assert not (run / "scoring.json").exists()
    monkeypatch.delattr("training.result.evaluate.score_sample")
    assert evaluate_sample(run, toy_shards, sample, beside, 1e9) == figures


def test_frequencies_on_a_sample_of_everything_are_those_of_everything(run, toy_shards, toy_corpus):
    everything = draw_sample(toy_corpus, 10**9)
    figures = evaluate_sample(run, toy_shards, everything, None, 1e9)
    sizes = BiLMConfig(len(toy_shards.counts), 8, 8)
    # A cut between two excerpts adds the end of a row.
    assert figures["frequencies_bits_per_character"] == pytest.approx(
        frequency_bits(toy_shards, sizes), rel=0.02
    )


def test_many_small_sources_are_scored_together_and_reported_as_others(
    knows_frequencies, toy_shards, toy_corpus, tmp_path
):
    corpus = tmp_path / "corpus"
    shutil.copytree(toy_corpus, corpus)
    lines = (corpus / "held_out/toy.txt").read_text().splitlines(keepends=True)
    (corpus / "held_out/toy.txt").unlink()
    for number, line in enumerate(lines):
        (corpus / f"held_out/{number:03}.txt").write_text(line)
    shards = build_shards(corpus, toy_shards.vocabulary, tmp_path / "shards", 32)
    figures = score_held_out(knows_frequencies, shards)
    expected = score_held_out(knows_frequencies, toy_shards)
    table = figures["held_out"]
    assert figures["fill"] == expected["fill"]
    for name, value in table["all"].items():
        assert value == pytest.approx(expected["held_out"]["all"][name], rel=1e-3), name
    assert len(table) == 1 + MAX_NAMED
    sizes = sorted(len(line) - 1 for line in lines)
    other = table[f"other, {len(lines) - MAX_NAMED + 1} sources"]
    assert other["characters"] == sum(sizes[: len(lines) - MAX_NAMED + 1])


def test_frequencies_alone_worked_by_hand(tmp_path):
    """Pieces 3 and 4 were seen 5 and 1 times in two rows; held out are 3 3 4 and an end."""
    (tmp_path / "held_out").mkdir()
    np.save(tmp_path / "counts.npy", np.array([0, 2, 2, 5, 1]))
    np.save(tmp_path / "held_out/a.pieces.npy", np.array([3, 3, 4], dtype=np.uint16))
    np.save(tmp_path / "held_out/a.ends.npy", np.array([3]))
    manifest = ShardManifest(
        vocabulary_sha256="",
        max_row_pieces=5,
        num_pieces=5,
        train_rows=2,
        train_pieces=6,
        held_out_characters={"a": 4},
    )
    manifest.write(tmp_path)
    found = frequency_bits(Shards(tmp_path), BiLMConfig(5, 4, 4))
    # One is added to each count but that of the beginning: 1, 0, 3, 6, 2 of 12.
    expected = -(2 * np.log2(6 / 12) + np.log2(2 / 12) + np.log2(3 / 12)) / 4
    assert found == pytest.approx(expected)
