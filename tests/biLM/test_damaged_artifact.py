import base64
import hashlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from biLM.artifact import load_artifact
from biLM.errors import (
    ArtifactError,
    ChecksumError,
    DamagedFileError,
    ForeignVersionError,
    MissingFileError,
)


def edit_config(folder, **changes):
    """Replace keys of config.json; None removes a key."""
    config = json.loads((folder / "config.json").read_text()) | changes
    kept = {key: value for key, value in config.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(kept))


def write_as_promised(folder, name, data):
    """Write a file and its checksum, so that only the content of the file is wrong."""
    (folder / name).write_bytes(data)
    sha256 = json.loads((folder / "config.json").read_text())["sha256"]
    edit_config(folder, sha256=sha256 | {name: hashlib.sha256(data).hexdigest()})


def edit_sizes(folder, **changes):
    sizes = json.loads((folder / "config.json").read_text())["sizes"]
    edit_config(folder, sizes=sizes | changes)


def edit_weights(folder, **changes):
    """Replace tensors; None removes a tensor."""
    tensors = load_tensors((folder / "weights.safetensors").read_bytes()) | changes
    kept = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    write_as_promised(folder, "weights.safetensors", save_tensors(kept))


def edit_golden(folder, **changes):
    texts = json.loads((folder / "golden.json").read_text())["texts"]
    texts[0] |= changes
    kept = {key: value for key, value in texts[0].items() if value is not None}
    data = json.dumps({"texts": [kept, *texts[1:]]}).encode()
    write_as_promised(folder, "golden.json", data)


def refused_as_damaged(folder, name):
    with pytest.raises(DamagedFileError, match=name):
        load_artifact(folder)


# A folder of another format or version is refused.


@pytest.mark.parametrize("version", [0, 1, 2, 3, 5, "4", None])
def test_a_foreign_version_is_refused_by_both_versions(folder, version):
    edit_config(folder, version=version)
    with pytest.raises(ForeignVersionError, match=rf"config\.json.*{version!r}.* 4\)"):
        load_artifact(folder)


@pytest.mark.parametrize("name", ["elmo", None])
def test_a_foreign_format_is_refused_by_both_names(folder, name):
    edit_config(folder, format=name)
    with pytest.raises(ForeignVersionError, match=rf"config\.json.*{name!r}.*biLM artifact"):
        load_artifact(folder)


def test_a_foreign_version_is_told_before_its_files_are_read(folder):
    edit_config(folder, version=5)
    (folder / "weights.safetensors").unlink()
    with pytest.raises(ForeignVersionError):
        load_artifact(folder)


# A file whose checksum is right and whose content is wrong is refused.


@pytest.mark.parametrize("name", ["config.json", "mixes.json", "golden.json", "card.json"])
@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[]", b"null", b'"text"'])
def test_a_file_that_is_no_json_object_is_refused_by_name(folder, name, data):
    if name == "config.json":
        (folder / name).write_bytes(data)
    else:
        write_as_promised(folder, name, data)
    refused_as_damaged(folder, name)


@pytest.mark.parametrize("key", ["id", "sizes", "sha256"])
def test_a_config_without_a_key_is_refused_by_name(folder, key):
    edit_config(folder, **{key: None})
    refused_as_damaged(folder, r"config\.json")


@pytest.mark.parametrize("sha256", [{}, [], "all", 1])
def test_a_config_without_checksums_is_refused_by_name(folder, sha256):
    edit_config(folder, sha256=sha256)
    refused_as_damaged(folder, r"config\.json")


@pytest.mark.parametrize(
    "sizes", [{}, [], {"num_pieces": 400}, {"num_pieces": 400, "hidden_size": 12}]
)
def test_a_config_without_sizes_is_refused_by_name(folder, sizes):
    edit_config(folder, sizes=sizes)
    refused_as_damaged(folder, r"config\.json")


@pytest.mark.parametrize(
    "sizes",
    [
        {"cell_size": 0},
        {"num_layers": -1},
        {"embedding_size": 7},
        {"cell_size": "12"},
        {"cell_size": 12.0},
        {"num_pieces": None},
        {"num_pieces": 10**15},
    ],
    ids=str,
)
def test_sizes_that_make_no_model_are_refused_by_name(folder, sizes):
    edit_sizes(folder, **sizes)
    refused_as_damaged(folder, r"config\.json")


@pytest.mark.parametrize(
    "sizes",
    [
        {"num_pieces": 401},
        {"embedding_size": 12},
        {"cell_size": 16},
        {"num_layers": 1},
        {"num_layers": 3},
    ],
    ids=str,
)
def test_weights_of_other_sizes_are_refused_by_name(folder, sizes):
    edit_sizes(folder, **sizes)
    refused_as_damaged(folder, r"weights\.safetensors")


@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_truncated_weights_with_a_checksum_of_their_own_are_refused_by_name(folder, kept):
    data = (folder / "weights.safetensors").read_bytes()
    write_as_promised(folder, "weights.safetensors", data[:kept])
    refused_as_damaged(folder, r"weights\.safetensors")


@pytest.mark.parametrize(
    "name",
    ["embedding.weight", "forward_lm.layers.1.bias_hh_l0", "heads.cloze_head.weight"],
)
def test_weights_without_a_tensor_are_refused_by_name(folder, name):
    edit_weights(folder, **{name: None})
    refused_as_damaged(folder, r"weights\.safetensors")


def test_weights_with_a_tensor_too_many_are_refused_by_name(folder):
    edit_weights(folder, extra=torch.zeros(1))
    refused_as_damaged(folder, r"(?s)weights\.safetensors.*extra")


@pytest.mark.parametrize("shape", [(3, 24), (4, 12), (24,), (4, 24, 1)])
def test_a_center_of_other_sizes_is_refused_by_name(folder, shape):
    write_geometry(folder, center=torch.zeros(shape), bound=torch.ones(4))
    refused_as_damaged(folder, r"geometry\.safetensors has no center that fits the sizes")


@pytest.mark.parametrize("shape", [(3,), (4, 1), ()])
def test_a_bound_of_other_sizes_is_refused_by_name(folder, shape):
    write_geometry(folder, center=torch.zeros(4, 24), bound=torch.ones(shape))
    refused_as_damaged(folder, r"geometry\.safetensors has no bound that fits the sizes")


def test_a_center_that_is_not_finite_is_refused_by_name(folder):
    write_geometry(folder, center=torch.full((4, 24), torch.nan), bound=torch.ones(4))
    refused_as_damaged(folder, r"geometry\.safetensors has a center that is not finite")


@pytest.mark.parametrize("bound", [0.0, -1.0, float("nan")])
def test_a_bound_that_leaves_nothing_is_refused_by_name(folder, bound):
    wrong = torch.tensor([torch.inf, 1.0, bound, 1.0])
    write_geometry(folder, center=torch.zeros(4, 24), bound=wrong)
    refused_as_damaged(folder, r"geometry\.safetensors has a bound that is not above 0")


@pytest.mark.parametrize("data", [b"", save_tensors({"other": torch.zeros(4, 24)})])
def test_a_file_without_a_center_is_refused_by_name(folder, data):
    write_as_promised(folder, "geometry.safetensors", data)
    refused_as_damaged(folder, r"geometry\.safetensors")


def write_geometry(folder, **tensors):
    write_as_promised(folder, "geometry.safetensors", save_tensors(tensors))


class Trap:
    """An object whose pickle creates a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_in_place_of_weights_is_refused_and_never_run(folder, tmp_path):
    trap = tmp_path / "sprung"
    write_as_promised(folder, "weights.safetensors", pickle.dumps(Trap(trap)))
    refused_as_damaged(folder, r"weights\.safetensors")
    assert not trap.exists()


def test_mixes_without_a_default_are_refused_by_name(folder):
    mixes = {"top": {"weights": [0.0, 0.0, 1.0], "gamma": 1.0}}
    write_as_promised(folder, "mixes.json", json.dumps(mixes).encode())
    refused_as_damaged(folder, r"mixes\.json must have a mix 'default'.*top")


@pytest.mark.parametrize(
    "mix",
    [
        [1.0, 0.0, 0.0],
        {},
        {"weights": [1.0, 0.0, 0.0]},
        {"gamma": 1.0},
        {"weights": 1.0, "gamma": 1.0},
        {"weights": ["a", "b", "c"], "gamma": 1.0},
        {"weights": [1.0, 0.0, 0.0], "gamma": None},
        {"weights": [], "gamma": 1.0},
        {"weights": [1.0, 0.0, float("nan")], "gamma": 1.0},
        {"weights": [0.5, 0.5], "gamma": 1.0},  # for a model with one layer
    ],
    ids=str,
)
def test_a_mix_that_fits_no_model_is_refused_by_name(folder, mix):
    good = {"weights": [1.0, 0.0, 0.0], "gamma": 1.0}
    write_as_promised(folder, "mixes.json", json.dumps({"default": good, "bad": mix}).encode())
    refused_as_damaged(folder, r"mixes\.json")


@pytest.mark.parametrize("key", ["text", "ids", "vectors", "shape"])
def test_a_golden_text_without_a_key_is_refused_by_name(folder, key):
    edit_golden(folder, **{key: None})
    refused_as_damaged(folder, r"golden\.json")


@pytest.mark.parametrize(
    ("shape", "numbers"), [((3, 24), 71), ((2, 24), 48), ((1, 24), 24), ((3, 1), 3), ((72,), 72)]
)
def test_golden_vectors_of_other_sizes_are_refused_by_name(folder, shape, numbers):
    vectors = base64.b64encode(np.zeros(numbers, "<f4").tobytes()).decode()
    edit_golden(folder, shape=shape, vectors=vectors)
    refused_as_damaged(folder, r"golden\.json")


def test_every_refusal_is_one_that_a_caller_can_catch_by_one_name():
    refusals = (MissingFileError, ForeignVersionError, ChecksumError, DamagedFileError)
    assert all(issubclass(refusal, ArtifactError) for refusal in refusals)
