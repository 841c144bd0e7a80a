import errno
import hashlib
import json
import os
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from biLM.artifact import load_artifact, save_artifact
from biLM.errors import (
    ArtifactError,
    ChecksumError,
    DamagedFileError,
    MissingFileError,
)
from biLM.files import write_atomically
from biLM.network.config import BiLMConfig
from biLM.network.geometry import Geometry
from biLM.network.heads import Heads
from biLM.network.model import BiLM
from biLM.network.scalar_mix import ScalarMix

CHECKED = (
    "pieces.model",
    "weights.safetensors",
    "geometry.safetensors",
    "mixes.json",
    "golden.json",
    "card.json",
)
EVERY = ("config.json", *CHECKED)
READ_ONE_TEXT = """
import sys
from pathlib import Path
from biLM.encoder import Encoder

encoder = Encoder.load(Path(sys.argv[1]))
encoder.warm_up()
encoder.self_test()
print(*sorted({"torch._dynamo", "torch._inductor", "sympy"} & set(sys.modules)))
"""


# What is saved is what is loaded.


@pytest.mark.parametrize("part", ["id", "config", "pieces_model", "mixes", "card"])
def test_a_part_comes_back_as_it_was(artifact, artifact_folder, part):
    assert getattr(load_artifact(artifact_folder), part) == getattr(artifact, part)


def test_weights_come_back_bit_for_bit(artifact, artifact_folder):
    again = load_artifact(artifact_folder)
    for loaded, saved in ((again.model, artifact.model), (again.heads, artifact.heads)):
        loaded, saved = loaded.state_dict(), saved.state_dict()
        assert list(loaded) == list(saved)
        assert all(torch.equal(loaded[name], saved[name]) for name in saved)


def test_weights_are_rounded_to_bfloat16_and_read_as_float32(artifact, tmp_path):
    torch.manual_seed(0)
    model = BiLM(artifact.config)
    save_artifact(replace(artifact, model=model), tmp_path)
    for name, loaded in load_artifact(tmp_path).model.state_dict().items():
        assert loaded.dtype == torch.float32
        assert torch.equal(loaded, model.state_dict()[name].bfloat16().float())


def test_the_geometry_comes_back_bit_for_bit(artifact, artifact_folder):
    loaded = load_artifact(artifact_folder).geometry
    assert torch.equal(loaded.center, artifact.geometry.center)
    assert torch.equal(loaded.bound, artifact.geometry.bound)


def test_golden_texts_and_vectors_come_back_bit_for_bit(artifact, artifact_folder):
    for loaded, saved in zip(load_artifact(artifact_folder).golden, artifact.golden, strict=True):
        assert (loaded.text, loaded.ids) == (saved.text, saved.ids)
        np.testing.assert_array_equal(loaded.vectors, saved.vectors, strict=True)


def test_a_loaded_model_is_ready_to_serve(artifact_folder):
    loaded = load_artifact(artifact_folder)
    for part in (loaded.model, loaded.heads):
        assert not part.training
        assert not any(parameter.requires_grad for parameter in part.parameters())


@pytest.mark.long
def test_to_load_and_read_leaves_torchs_compiler_alone(artifact_folder):
    command = [sys.executable, "-c", READ_ONE_TEXT, str(artifact_folder)]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert loaded.split() == []


def test_the_weights_are_safetensors_and_nothing_else(artifact_folder):
    data = (artifact_folder / "weights.safetensors").read_bytes()
    size = struct.unpack("<Q", data[:8])[0]  # a file is a length, a JSON header, values
    tensors = json.loads(data[8 : 8 + size])
    tensors.pop("__metadata__", None)
    assert {tensor["dtype"] for tensor in tensors.values()} == {"BF16"}


def test_the_folder_holds_the_files_of_the_format_and_no_others(artifact_folder):
    assert {path.name for path in artifact_folder.iterdir()} == set(EVERY)


def test_a_model_of_another_depth_makes_the_same_round_trip(artifact, tmp_path):
    config = BiLMConfig(num_pieces=400, embedding_size=6, cell_size=9, num_layers=1)
    torch.manual_seed(0)
    model, heads = BiLM(config), Heads(config)
    geometry = Geometry(torch.randn(3, 18), torch.tensor([torch.inf, 0.5, 1.0]))
    mixes = {"default": ScalarMix((0.5, 0.5))}
    changes = {"config": config, "model": model, "heads": heads, "geometry": geometry}
    save_artifact(replace(artifact, **changes, mixes=mixes, golden=()), tmp_path)
    loaded = load_artifact(tmp_path)
    assert (loaded.config, loaded.golden) == (config, ())
    assert torch.equal(loaded.geometry.center, geometry.center)


# The revision identifies the whole content.


def test_the_revision_is_the_sha256_of_the_config(artifact, tmp_path):
    revision = save_artifact(artifact, tmp_path)
    digest = hashlib.sha256((tmp_path / "config.json").read_bytes()).hexdigest()
    assert revision == load_artifact(tmp_path).revision == f"sha256:{digest}"


def test_the_same_content_has_the_same_revision(artifact, artifact_folder, tmp_path):
    loaded = load_artifact(artifact_folder)
    revisions = {save_artifact(artifact, tmp_path / "a"), save_artifact(loaded, tmp_path / "b")}
    assert revisions == {loaded.revision}


def with_another_weight(artifact):
    model = BiLM(artifact.config).requires_grad_(False)
    model.load_state_dict(artifact.model.state_dict())
    model.embedding.weight[3, 1] += 1
    return replace(artifact, model=model)


def with_other_golden_vectors(artifact):
    first, *rest = artifact.golden
    return replace(artifact, golden=(replace(first, vectors=first.vectors + 1), *rest))


CHANGES = {
    "id": lambda a: replace(a, id="other"),
    "boundary": lambda a: replace(a, config=replace(a.config, bos_id=3)),
    "pieces": lambda a: replace(a, pieces_model=a.pieces_model + b"\x00"),
    "weight": with_another_weight,
    "center": lambda a: replace(a, geometry=replace(a.geometry, center=a.geometry.center * 2)),
    "bound": lambda a: replace(a, geometry=replace(a.geometry, bound=a.geometry.bound * 2)),
    "mix": lambda a: replace(a, mixes={**a.mixes, "default": ScalarMix((0.2, 0.3, 0.5), 1.5)}),
    "golden": with_other_golden_vectors,
    "card": lambda a: replace(a, card={"data": "another"}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_any_change_changes_the_revision(artifact, artifact_folder, tmp_path, change):
    assert save_artifact(change(artifact), tmp_path) != load_artifact(artifact_folder).revision


# An incomplete folder is refused.


@pytest.mark.parametrize("name", EVERY)
def test_a_missing_file_is_refused_by_name(folder, name):
    (folder / name).unlink()
    with pytest.raises(MissingFileError, match=name):
        load_artifact(folder)


def test_a_folder_that_does_not_exist_is_refused_by_name(tmp_path):
    with pytest.raises(MissingFileError, match="nowhere"):
        load_artifact(tmp_path / "nowhere")


def test_a_file_in_place_of_the_folder_is_refused_by_name(folder):
    with pytest.raises(DamagedFileError, match=r"card\.json"):
        load_artifact(folder / "card.json")


@pytest.mark.parametrize("name", EVERY)
def test_a_folder_in_place_of_a_file_is_refused_by_name(folder, name):
    (folder / name).unlink()
    (folder / name).mkdir()
    with pytest.raises(DamagedFileError, match=name):
        load_artifact(folder)


@pytest.mark.parametrize("name", CHECKED)
def test_one_flipped_bit_is_refused_by_name(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(ChecksumError, match=name):
        load_artifact(folder)


@pytest.mark.parametrize("name", CHECKED)
def test_a_truncated_file_is_refused_by_name(folder, name):
    (folder / name).write_bytes((folder / name).read_bytes()[:-1])
    with pytest.raises(ChecksumError, match=name):
        load_artifact(folder)


def test_a_save_that_fails_on_the_way_leaves_no_artifact(artifact, tmp_path):
    (tmp_path / "card.json").mkdir()  # a folder cannot be replaced by a file
    with pytest.raises(OSError, match=r"card\.json"):
        save_artifact(artifact, tmp_path)
    with pytest.raises(MissingFileError, match=r"config\.json"):
        load_artifact(tmp_path)


@pytest.mark.parametrize("name", ["mixes.json", "config.json"])
def test_a_save_that_is_killed_leaves_the_artifact_before_it(artifact, folder, monkeypatch, name):
    before = load_artifact(folder).revision

    def killed_at(path, data):
        if path.name == name:
            raise KeyboardInterrupt
        write_atomically(path, data)

    monkeypatch.setattr("biLM.artifact.write_atomically", killed_at)
    with pytest.raises(KeyboardInterrupt):
        save_artifact(replace(artifact, id="newer", pieces_model=b"newer"), folder)
    assert load_artifact(folder).revision == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_save_over_an_artifact_keeps_a_link_and_the_other_files(artifact, folder, tmp_path):
    (folder / "README.md").write_text("mine")
    link = tmp_path / "link"
    link.symlink_to(folder)
    save_artifact(replace(artifact, id="newer"), link)
    assert link.is_symlink()
    assert load_artifact(folder).id == "newer"
    assert (folder / "README.md").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([folder.name, "link"])


def test_an_artifact_that_cannot_be_replaced_stays(artifact, folder, monkeypatch):
    before = load_artifact(folder).revision
    rename = Path.rename

    def refuse_newer(path, target):
        if target == folder and load_artifact(path).id == "newer":
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse_newer)
    with pytest.raises(ArtifactError, match=r"cannot be replaced .* busy; write to another folder"):
        save_artifact(replace(artifact, id="newer"), folder)
    assert load_artifact(folder).revision == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_save_replaces_the_artifact_before_it(artifact, folder):
    revision = save_artifact(replace(artifact, id="newer"), folder)
    loaded = load_artifact(folder)
    assert (loaded.id, loaded.revision) == ("newer", revision)
