"""What is learned with `biLM.nn.Elmo` is served under its name, with the same vectors."""

import json

import numpy as np
import pytest
import torch

from biLM.artifact import load_artifact
from biLM.nn import Elmo
from tests.reference.heads import contexts
from tests.reference.lstm import representations
from tests.service.serving import embed, serving, settings_of, vectors_of

pytestmark = pytest.mark.anyio

WORDS = ["我", "吃了", "", "一个", "苹果", "New", "York"]
CLOSE = {"rtol": 0, "atol": 1e-5}


def learned(folder, **options):
    """Return a layer whose mixes are no longer the mean."""
    elmo = Elmo.load(folder, 2, dropout=0.0, **options)
    with torch.no_grad():
        elmo.mixes[0].w.copy_(torch.tensor([0.3, -1.0, 2.0]))
        elmo.mixes[1].w.copy_(torch.tensor([-0.5, 0.1, 0.2]))
        elmo.mixes[1].gamma.fill_(1.7)
    return elmo


async def served(settings, **fields):
    """Return the vectors that the real app gives the words."""
    async with serving(settings) as client:
        answer = await embed(client, words=[WORDS], level="word", **fields)
        info = (await client.get("/info")).json()
    return vectors_of(answer["data"][0]), info


@pytest.mark.parametrize("center", [False, True])
async def test_a_learned_mix_is_served_by_its_name(artifact_folder, tmp_path, center):
    elmo, path = learned(artifact_folder, center=center), tmp_path / "mixes.json"
    elmo.write_mixes(path, "tags", "names")
    for mix, name in enumerate(("tags", "names")):
        found, _ = await served(settings_of(artifact_folder, mixes=path), mix=name, center=center)
        expected = elmo([WORDS])["elmo_representations"][mix][0].detach()
        np.testing.assert_allclose(found, expected, **CLOSE)


async def test_a_fine_tuned_artifact_is_served(artifact_folder, tmp_path):
    elmo = learned(artifact_folder, requires_grad=True)
    optimizer = torch.optim.Adam(elmo.parameters(), lr=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        elmo([WORDS])["elmo_representations"][0].square().sum().backward()
        optimizer.step()
    folder = tmp_path / "tuned"
    revision = elmo.save_artifact(folder, mixes=["tags", "names"])

    found, info = await served(settings_of(folder), mix="tags")
    assert (info["model"]["id"], info["model"]["revision"]) == ("tuned", revision)
    with torch.no_grad():
        for parameter in elmo.bilm.parameters():  # as the file rounds them
            parameter.copy_(parameter.bfloat16())
    expected = elmo([WORDS])["elmo_representations"][0][0].detach()
    np.testing.assert_allclose(found, expected, **CLOSE)
    before, _ = await served(settings_of(artifact_folder), mix="default")
    assert np.abs(found - before).max() > 1e-2


async def test_the_golden_vectors_of_a_fine_tuned_artifact_are_those_of_the_equations(
    artifact_folder, tmp_path
):
    elmo = learned(artifact_folder)
    with torch.no_grad():
        for parameter in elmo.bilm.parameters():
            parameter.mul_(1.1)
    elmo.save_artifact(tmp_path / "tuned")
    saved, base = load_artifact(tmp_path / "tuned"), load_artifact(artifact_folder)
    assert [golden.text for golden in saved.golden] == [golden.text for golden in base.golden]
    for golden in saved.golden:
        ids = [saved.config.bos_id, *golden.ids, saved.config.eos_id]
        layers = representations(saved.model.state_dict(), ids)
        places = [(piece, piece + 1) for piece in range(len(golden.ids))]
        everything = [*layers[:, 1:-1], contexts(saved.heads.state_dict(), layers, places)]
        np.testing.assert_allclose(golden.vectors, np.mean(everything, axis=1), **CLOSE)


def test_the_file_is_what_an_operator_would_write(artifact_folder, tmp_path):
    elmo, path = learned(artifact_folder), tmp_path / "mixes.json"
    path.write_text('{"mine": {"logits": [0, 0, 0]}}')
    elmo.write_mixes(path, "tags", "names")
    written = json.loads(path.read_text())
    assert written.keys() == {"mine", "tags", "names"}
    expected = np.exp([-0.5, 0.1, 0.2]) / np.exp([-0.5, 0.1, 0.2]).sum()
    np.testing.assert_allclose(written["names"]["weights"], expected, rtol=0, atol=1e-6)
    assert written["names"]["gamma"] == pytest.approx(1.7)
    named = elmo.named_mixes("tags", "names")
    assert written["names"] == named["names"]
