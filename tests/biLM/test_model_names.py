"""A model is named by its path or, if it comes with biLM, by its name."""

import hashlib
from pathlib import Path

import pytest

from biLM import Encoder
from biLM.artifact import load_artifact
from biLM.errors import MissingFileError
from biLM.shipped import model_folder, shipped_models

FOLDER = Path(__file__).parents[2] / "models" / "zh-small"


def test_a_shipped_model_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    revision = hashlib.sha256((FOLDER / "config.json").read_bytes()).hexdigest()
    assert load_artifact("zh-small").revision == f"sha256:{revision}"


def test_a_folder_goes_before_a_shipped_model_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert model_folder("zh-small") == shipped_models()["zh-small"]
    (tmp_path / "zh-small").mkdir()
    assert model_folder("zh-small") == Path("zh-small")


@pytest.mark.parametrize("kind", [str, Path])
def test_the_encoder_takes_a_path_as_text_too(artifact_folder, kind):
    assert Encoder.load(kind(artifact_folder)).artifact.id == "tiny"


def test_a_name_that_is_none_is_refused_with_the_names_there_are():
    with pytest.raises(MissingFileError, match=r"no such folder.*'zh-small'"):
        Encoder.load("zh-smal")
