"""An artifact gets the present normaliser, and nothing else of it changes."""

from dataclasses import replace

import pytest
import sentencepiece

from biLM.artifact import load_artifact, save_artifact
from biLM.encoder import Encoder
from training.__main__ import main

SAME = ("weights.safetensors", "geometry.safetensors", "mixes.json", "golden.json")


@pytest.fixture
def older(artifact, tmp_path):
    """Return the folder of an artifact that reads texts by the rule of the library alone."""
    rule = sentencepiece.SentencePieceNormalizer(rule_name="nmt_nfkc").serialized_model_proto()
    merged = sentencepiece.SentencePieceProcessor(model_proto=artifact.pieces_model + rule)
    folder = tmp_path / "older"
    save_artifact(replace(artifact, pieces_model=merged.serialized_model_proto()), folder)
    return folder


def test_a_renewed_artifact_reads_by_the_rule_with_the_same_weights(older, tmp_path):
    out = tmp_path / "newer"
    assert main(["renew", str(older), "--out", str(out)]) == 0
    before, after = Encoder.load(older), Encoder.load(out)
    assert all((out / name).read_bytes() == (older / name).read_bytes() for name in SAME)
    assert after.pieces("苹果\u200b").ids == before.pieces("苹果").ids
    assert after.pieces("蘋果").ids == before.pieces("苹果").ids != before.pieces("蘋果").ids
    assert after.artifact.id == before.artifact.id
    assert after.artifact.card["normaliser"]["renewed"] == before.artifact.revision
    assert after.self_test() < 1e-4


def test_an_artifact_can_be_renewed_in_its_place_and_once(older, capsys):
    assert main(["renew", str(older), "--out", str(older)]) == 0
    assert load_artifact(older).revision in capsys.readouterr().out
    assert main(["renew", str(older), "--out", str(older)]) == 2
    assert "nothing to renew" in capsys.readouterr().err


def test_an_artifact_whose_golden_texts_would_be_read_anew_is_refused(older, tmp_path, capsys):
    before = load_artifact(older)
    text = "蘋果"
    golden = replace(before.golden[0], text=text, ids=Encoder(before).pieces(text).ids)
    save_artifact(replace(before, golden=(golden,)), older)
    assert main(["renew", str(older), "--out", str(tmp_path / "newer")]) == 2
    assert "other pieces" in capsys.readouterr().err
    assert not (tmp_path / "newer").exists()
