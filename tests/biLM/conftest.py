"""Fixtures that the tests of biLM share."""

import shutil

import pytest
import sentencepiece

from biLM.tokenizer import Tokenizer


@pytest.fixture(scope="session")
def tokenizer(pieces_model):
    """Return the tokenizer of the suite's artifact."""
    return Tokenizer(pieces_model)


@pytest.fixture(scope="session")
def processor(pieces_model):
    """Return the sentencepiece library's own processor with the same vocabulary."""
    return sentencepiece.SentencePieceProcessor(model_proto=pieces_model)


@pytest.fixture
def folder(artifact_folder, tmp_path):
    """Return a copy of the artifact folder, which a test may damage."""
    return shutil.copytree(artifact_folder, tmp_path / "copy")
