"""The tagger of docs/torch.md learns, and learns its mix."""

import lzma

import pytest
import torch

from biLM.nn import Elmo
from examples.tagger import SPLITS, WAYS, Split, fit, main

SENTENCES = [("我", "B-WHO"), ("吃", "E-WHO"), ("了", "O"), ("苹果", "B-WHAT"), ("病毒", "O")]
ORDERS = [(0, 1, 2), (2, 0, 1), (2, 2), (0, 1, 0, 1), (2, 0, 1, 2)]


@pytest.fixture
def split(artifact_folder, tmp_path):
    """Return a layer and a split of five sentences with entities of two characters."""
    path = tmp_path / "train.char.bmes"
    lines = ["\n".join(" ".join(SENTENCES[at]) for at in order) + "\n" for order in ORDERS]
    path.write_text("\n".join(lines), "utf-8")
    elmo = Elmo.load(artifact_folder, dropout=0.0)
    return elmo, Split(path, elmo, None, 0)


@pytest.mark.long
def test_it_finds_the_entities_that_it_has_learned(split):
    elmo, sentences = split
    of_test, of_dev, _ = fit(elmo, "learned mix", [sentences] * 3, seed=0, epochs=25)
    assert of_test == of_dev == 1.0
    shares = elmo.mixes[0].w.softmax(0)
    assert (shares - 1 / 3).abs().max() > 1e-3


@pytest.mark.parametrize("way", [way for way in WAYS if WAYS[way]])
def test_a_fixed_mix_stays_as_it_is(split, way):
    elmo, sentences = split
    fit(elmo, way, [sentences] * 3, seed=0, epochs=1)
    given = torch.tensor(WAYS[way])
    expected = given / given.sum() if given.any() else torch.ones(3) / 3
    torch.testing.assert_close(elmo.mixes[0].w.softmax(0), expected)
    assert elmo.mixes[0].gamma.item() == float(given.any())


def test_only_the_ways_that_are_named_are_run(
    split, artifact_folder, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("biLM.nn.elmo.DEFAULT_MODEL", artifact_folder)
    text = (tmp_path / "train.char.bmes").read_bytes()
    for name in SPLITS:
        (tmp_path / f"{name}.char.bmes.xz").write_bytes(lzma.compress(text))
    threads = str(torch.get_num_threads())
    once = ["--epochs", "1", "--seeds", "1", "--threads", threads]
    main([str(tmp_path), *once, "--way", "layer 1", "--way", "no ELMo"])
    lines = capsys.readouterr().out.splitlines()
    assert [line[:12].strip() for line in lines[1:]] == ["layer 1", "no ELMo"]


def test_layers_stand_beside_their_characters(split):
    elmo, sentences = split
    (ids, layers, targets), *_ = sentences.batches([1, 2])
    assert [sentences.characters[one] for one in ids[1].tolist()] == ["了", "了", ""]
    assert targets[1].tolist()[2] == -100
    expected, _ = elmo.layers(["了我吃"], spans=[[(0, 1), (1, 2), (2, 3)]])
    torch.testing.assert_close(layers[:, 0], expected[:, 0], rtol=0, atol=2e-3)  # float16
