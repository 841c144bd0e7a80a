"""Run the six steps one after the other, as the README does, on a toy corpus."""

import json
import shutil

import numpy as np
import pytest
import torch

from biLM.artifact import load_artifact
from biLM.card import main as card
from biLM.encoder import Encoder
from tests.reference.heads import contexts
from tests.reference.lstm import representations
from training.__main__ import main
from training.run.config import TrainConfig
from training.run.journal import read_entries
from training.run.recipes import RECIPES
from training.text.shards import Shards


def toy():
    return TrainConfig(
        "zh-toy", 8, 8, 5000, batch_pieces=256, min_rows=1, num_negatives=32, warmup_steps=5
    )


@pytest.fixture(scope="module")
def folder(toy_text, tmp_path_factory):
    """Return the folder that the six steps leave behind."""
    folder = tmp_path_factory.mktemp("steps")
    (folder / "sources.json").write_text('[{"source": "toy", "licence": "none"}]')
    senses = folder / "senses"
    senses.mkdir()
    apple = {"sentence1": "吃苹果", "start1": 1, "end1": 3, "start2": 0, "end2": 2}
    pairs = [
        apple | {"sentence2": "苹果甜", "tag": "T"},
        apple | {"sentence2": "苹果手机", "tag": "F"},
    ]
    (senses / "toy.jsonl").write_text("\n".join(map(json.dumps, pairs)))
    corpus, pieces = str(folder / "corpus"), str(folder / "pieces.model")
    shards, run = str(folder / "shards"), str(folder / "run")
    steps = [
        ["corpus", str(toy_text), "--out", corpus, "--keep-near-copies", "--split", "documents"],
        ["vocabulary", "--corpus", corpus, "--out", pieces, "--num-pieces", "360"],
        ["shards", "--corpus", corpus, "--vocabulary", pieces, "--out", shards],
        ["train", "toy", "--shards", shards, "--out", run],
        ["evaluate", run, "--shards", shards, "--senses", str(senses)],
        ["export", run, "--shards", shards, "--sources", str(folder / "sources.json")],
    ]
    steps[-1] += ["--out", str(folder / "artifact")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "toy", toy)
        for step in steps:
            assert main(step) == 0, step
    return folder


def test_the_course_of_the_loss_is_drawn(folder):
    assert (folder / "run/loss.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_is_packed_and_goes_on_in_another_folder(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(RECIPES, "toy", toy)
    small, run = str(tmp_path / "small.safetensors"), str(tmp_path / "run")
    assert main(["pack", str(folder / "run"), "--out", small, "--plateau"]) == 0
    assert main(["unpack", small, "--out", run]) == 0
    assert capsys.readouterr().err.count(" pieces") == 2
    assert main(["train", "toy", "--shards", str(folder / "shards"), "--out", run]) == 0
    [start] = read_entries(tmp_path / "run", "start")
    assert start["resumed_at_step"] > 0
    assert main(["unpack", small, "--out", run]) == 2
    assert "has a run already" in capsys.readouterr().err


def test_the_mean_with_an_artifact_becomes_an_artifact_whose_card_names_it(
    folder, tmp_path, capsys
):
    run, artifact, shards = (str(folder / name) for name in ("run", "artifact", "shards"))
    mean, out = str(tmp_path / "mean"), str(tmp_path / "averaged")
    assert main(["average", run, artifact, "--share", "0.25", "--out", mean]) == 0
    assert main(["evaluate", mean, "--shards", shards]) == 0
    assert main(["export", mean, "--shards", shards, "--out", out]) == 0
    made, other = load_artifact(out), load_artifact(artifact)
    named = {"share": 0.25, "id": "artifact", "revision": other.revision}
    assert made.card["training"]["averaged_with"] == [named]
    # The artifact has the weights of the run, rounded.
    for name, weight in made.model.state_dict().items():
        torch.testing.assert_close(weight, other.model.state_dict()[name], rtol=0.01, atol=0)
    assert card([out]) == 0
    assert f"averaged with artifact, 25% of the mean: {other.revision}" in capsys.readouterr().out


def test_an_unpacked_run_without_its_log_is_not_exported(folder, tmp_path, capsys):
    small, run = str(tmp_path / "small.safetensors"), str(tmp_path / "run")
    assert main(["pack", str(folder / "run"), "--out", small]) == 0
    assert main(["unpack", small, "--out", run]) == 0
    export = ["export", run, "--shards", str(folder / "shards"), "--out", str(tmp_path / "out")]
    assert main(export) == 2
    assert "copy the log.jsonl of the run that was packed" in capsys.readouterr().err
    for name in ("log.jsonl", "evaluation.json"):
        shutil.copyfile(folder / "run" / name, tmp_path / "run" / name)
    assert main(export) == 0


@pytest.fixture(scope="module")
def trained(folder):
    return Encoder.load(folder / "artifact")


def everything(artifact, ids):
    """[depth + 1, pieces, dim]: the representations and the context of every piece."""
    layers = representations(artifact.model.state_dict(), [1, *ids, 2])
    rows = [(piece, piece + 1) for piece in range(len(ids))]
    context = contexts(artifact.heads.state_dict(), layers, rows)
    return np.concatenate([layers[:, 1:-1], context[None]])


def test_a_folder_without_pairs_is_refused_before_anything_is_scored(folder, tmp_path, capsys):
    figures = (folder / "run" / "evaluation.json").read_bytes()
    step = ["evaluate", str(folder / "run"), "--shards", str(folder / "shards")]
    assert main([*step, "--senses", str(tmp_path)]) == 2
    assert "has no .jsonl file of sense pairs" in capsys.readouterr().err
    assert (folder / "run" / "evaluation.json").read_bytes() == figures


def test_the_artifact_passes_its_own_self_test(trained):
    assert trained.artifact.id == "artifact"
    assert trained.self_test() < 1e-5


@pytest.mark.long
def test_the_golden_vectors_are_those_of_the_oracle(trained):
    for golden in trained.artifact.golden:
        layers = everything(trained.artifact, golden.ids)
        assert golden.vectors == pytest.approx(layers.mean(axis=1), abs=1e-5)


def test_the_center_is_the_mean_over_held_out_rows(trained, folder):
    shard = Shards(folder / "shards").held_out()["toy"]
    rows = [everything(trained.artifact, shard.row(i)).mean(axis=1) for i in range(len(shard))]
    assert trained.artifact.geometry.center.numpy() == pytest.approx(
        np.mean(rows, axis=0), abs=1e-5
    )


def test_the_card_tells_data_recipe_hardware_and_scores(trained):
    card = trained.artifact.card
    assert card["data"]["sources"][0]["licence"] == "none"
    assert card["recipe"]["learning_rate"] == toy().learning_rate
    assert card["training"]["pieces_seen"] >= 5000
    assert card["normaliser"]["traditional"].startswith("OpenCC")
    assert {"commit", "hardware", "hours", "started", "versions"} <= card["training"].keys()
    whole = card["evaluation"]["held_out"]["all"]
    assert 0 < whole["forward_bits_per_character"] < 20
    assert 1 < whole["backward_perplexity"] < 360
    assert 0 <= card["evaluation"]["senses"]["toy"]["layer 2"]["auc"] <= 1


def test_bits_per_character_count_every_held_out_character(trained, folder):
    text = (folder / "corpus/held_out/toy.txt").read_text()
    whole = trained.artifact.card["evaluation"]["held_out"]["all"]
    assert whole["characters"] == len(text.replace("\n", ""))


def test_a_run_trained_on_is_exported_by_what_it_is_now(folder, tmp_path, capsys):
    run, shards = tmp_path / "run", str(folder / "shards")
    shutil.copytree(folder / "run", run)
    export = ["export", str(run), "--shards", shards, "--out", str(tmp_path / "artifact")]
    # The run had begun its decay, so a larger budget starts from its plateau.
    further = ["train", "toy", "--shards", shards, "--out", str(run), "--set", "max_pieces=9000"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "toy", toy)
        assert main(further) == 0
    assert main(export) == 2
    assert "run `bilm train evaluate` again" in capsys.readouterr().err
    assert main(["evaluate", str(run), "--shards", shards]) == 0
    assert main(export) == 0
    card = load_artifact(tmp_path / "artifact").card
    assert card["recipe"]["max_pieces"] == 9000
    assert card["evaluation"]["step"] == card["training"]["steps"]


@pytest.mark.parametrize("text", [None, "no JSON"])
def test_sources_that_cannot_be_read_are_refused_by_file(folder, tmp_path, capsys, text):
    sources, out = tmp_path / "sources.json", str(tmp_path / "artifact")
    if text is not None:
        sources.write_text(text)
    run, shards = str(folder / "run"), str(folder / "shards")
    assert main(["export", run, "--shards", shards, "--sources", str(sources), "--out", out]) == 2
    assert f"{sources} is not a JSON file of sources" in capsys.readouterr().err


def test_a_run_never_evaluated_is_not_exported(folder, tmp_path, capsys):
    shutil.copytree(folder / "run", tmp_path / "run")
    (tmp_path / "run/evaluation.json").unlink()
    out = str(tmp_path / "artifact")
    given = ["export", str(tmp_path / "run"), "--shards", str(folder / "shards"), "--out", out]
    assert main(given) == 2
    assert "run `bilm train evaluate` first" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (["corpus", "nowhere"], "does not exist"),
        (["train", "small", "--shards", "nowhere"], "bilm train shards"),
        (["evaluate", "nowhere", "--shards", "{shards}"], "bilm train train"),
        (["export", "nowhere", "--shards", "{shards}", "--out", "x"], "bilm train train"),
    ],
)
def test_a_step_out_of_turn_names_the_step_before_it(folder, capsys, step, message):
    step = [word.format(shards=folder / "shards") for word in step]
    assert main(step) == 2
    assert message in capsys.readouterr().err
