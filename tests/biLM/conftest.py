"""Fixtures that the tests of biLM share."""

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
    """The sentencepiece library itself, with the same vocabulary."""
    return sentencepiece.SentencePieceProcessor(model_proto=pieces_model)


@pytest.fixture
def folder(artifact_folder, tmp_path):
    """A copy of the artifact that a test may damage."""
    return shutil.copytree(artifact_folder, tmp_path / "copy")
