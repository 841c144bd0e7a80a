"""What was learned can be named and saved, or it is said why not."""

import json
from dataclasses import replace

import pytest
import torch

from biLM.artifact import load_artifact, save_artifact
from biLM.errors import ArtifactError, ConfigError, MixError


def test_mixes_have_names_by_default(load):
    assert load().named_mixes() == {"elmo": {"weights": [1 / 3] * 3, "gamma": 1.0}}
    assert list(load(num_output_representations=2).named_mixes()) == ["elmo_0", "elmo_1"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a"], "give 2 different ones"),
        (["a", "a"], "give 2 different ones"),
        (["a", "b", "c"], "give 2 different ones"),
        (["a", "default"], "already has a mix 'default'"),
    ],
)
def test_names_that_do_not_fit_are_refused(load, tmp_path, names, message):
    elmo = load(num_output_representations=2)
    with pytest.raises(MixError, match=message):
        elmo.named_mixes(*names)
    with pytest.raises(MixError, match=message):
        elmo.write_mixes(tmp_path / "mixes.json", *names)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("option", "kind"), [("layer_norm", "normalised"), ("context", "context")])
def test_a_mix_that_the_service_does_not_have_is_refused(load, option, kind):
    with pytest.raises(MixError, match=rf"{kind}.* load Elmo with layer_norm=False"):
        load(**{option: True}).named_mixes()


def test_a_mix_that_is_not_finite_is_refused(load):
    elmo = load()
    with torch.no_grad():
        elmo.mixes[0].gamma.fill_(float("nan"))
    with pytest.raises(MixError, match="finite"):
        elmo.named_mixes()


def test_weights_that_are_not_finite_are_not_saved(load, tmp_path):
    elmo = load()
    with torch.no_grad():
        elmo.bilm.forward_lm.layers[0].weight_hh_l0[3, 4] = torch.inf
    with pytest.raises(ArtifactError, match=r"forward_lm\.layers\.0\.weight_hh_l0 .* lower"):
        elmo.save_artifact(tmp_path / "saved")
    assert not list(tmp_path.iterdir())


def test_the_card_lists_what_the_artifact_was_made_of(load, artifact_folder, tmp_path):
    base = load_artifact(artifact_folder)
    card = {"data": "some", "evaluation": {"bits": 4.2}}
    save_artifact(replace(base, id="base", card=card), tmp_path / "base")
    base = load_artifact(tmp_path / "base")
    load().save_artifact(tmp_path / "once", base=tmp_path / "base")
    load().save_artifact(tmp_path / "twice", base=tmp_path / "once")
    found = load_artifact(tmp_path / "twice").card
    assert found.keys() == {"data", "fine_tuned"}  # the evaluation is of other weights
    assert [step["base"] for step in found["fine_tuned"]] == ["base", "once"]
    assert found["fine_tuned"][0]["base_revision"] == base.revision
    assert json.dumps(found)


def test_saving_leaves_the_layer_as_it_was(load, tmp_path):
    elmo = load(requires_grad=True)
    with torch.no_grad():
        elmo.bilm.embedding.weight.add_(1e-4)  # bfloat16 would round it away
    before = {name: value.clone() for name, value in elmo.state_dict().items()}
    elmo.save_artifact(tmp_path / "saved", mixes=["task"])
    assert all(torch.equal(value, before[name]) for name, value in elmo.state_dict().items())
    assert elmo.bilm.embedding.weight.requires_grad
    saved = load_artifact(tmp_path / "saved")
    assert saved.mixes.keys() == {"default", "top", "task"}
    assert torch.equal(
        saved.model.embedding.weight, before["bilm.embedding.weight"].bfloat16().float()
    )


def test_a_base_of_other_sizes_is_refused(load, artifact_folder, tmp_path):
    with pytest.raises(ConfigError, match="the base zh-small has other sizes"):
        load().save_artifact(tmp_path / "saved", base="zh-small")


def test_a_name_that_the_base_has_is_refused(load, tmp_path):
    load().save_artifact(tmp_path / "base", mixes=["task"])
    with pytest.raises(MixError, match="already has a mix 'task'"):
        load().save_artifact(tmp_path / "saved", base=tmp_path / "base", mixes=["task"])
