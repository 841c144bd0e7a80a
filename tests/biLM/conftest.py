"""What the tests of biLM share."""

import shutil

import pytest
import sentencepiece

from biLM.tokenizer import Tokenizer


@pytest.fixture(scope="session")
def tokenizer(pieces_model):
    """The tokenizer of the suite's artifact."""
    return Tokenizer(pieces_model)


@pytest.fixture(scope="session")
def processor(pieces_model):
    """The library itself on the same vocabulary."""
    return sentencepiece.SentencePieceProcessor(model_proto=pieces_model)


@pytest.fixture
def folder(artifact_folder, tmp_path):
    """A copy of the artifact to damage."""
    return shutil.copytree(artifact_folder, tmp_path / "copy")
