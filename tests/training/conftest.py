"""A toy corpus on disk, and its shards over the suite's tiny vocabulary."""

import random

import pytest

from tests.conftest import SENTENCES
from training.text.corpus import CorpusConfig, build_corpus
from training.text.shards import build_shards


@pytest.fixture(scope="session")
def toy_text(tmp_path_factory):
    """A text file of 600 documents of one to six sentences each."""
    chance = random.Random(1)
    documents = ["".join(chance.choices(SENTENCES, k=chance.randint(1, 6))) for _ in range(600)]
    path = tmp_path_factory.mktemp("text") / "toy.txt"
    path.write_text("\n".join(f"{number} {text}" for number, text in enumerate(documents)))
    return path


@pytest.fixture(scope="session")
def toy_corpus(toy_text, tmp_path_factory):
    """The toy text divided into three training files and a held-out slice of about a tenth."""
    folder = tmp_path_factory.mktemp("corpus")
    build_corpus([toy_text], folder, CorpusConfig(min_files=3, held_out_one_in=10))
    return folder


@pytest.fixture(scope="session")
def toy_shards(toy_corpus, pieces_model, tmp_path_factory):
    """The toy corpus as rows of at most 32 pieces."""
    vocabulary = tmp_path_factory.mktemp("vocabulary") / "pieces.model"
    vocabulary.write_bytes(pieces_model)
    return build_shards(toy_corpus, vocabulary, tmp_path_factory.mktemp("shards"), 32)
