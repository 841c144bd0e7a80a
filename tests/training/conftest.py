"""Make a toy corpus on disk, and its shards with the suite's tiny vocabulary."""

import random

import pytest

from tests.conftest import SENTENCES
from training.choices import SINGLE_DOCUMENTS
from training.text.corpus import CorpusConfig, build_corpus
from training.text.shards import build_shards

# The documents of the toy text are made of a few sentences, so most are near copies of others, and
# no block of them would be kept.
TOY_CORPUS = CorpusConfig(
    min_files=3, held_out_one_in=10, split=SINGLE_DOCUMENTS, keep_near_copies=True
)


@pytest.fixture(scope="session")
def toy_text(tmp_path_factory):
    """Return a text file of 600 documents with one to six sentences each."""
    chance = random.Random(1)
    documents = ["".join(chance.choices(SENTENCES, k=chance.randint(1, 6))) for _ in range(600)]
    path = tmp_path_factory.mktemp("text") / "toy.txt"
    path.write_text("\n".join(f"{number} {text}" for number, text in enumerate(documents)))
    return path


@pytest.fixture(scope="session")
def toy_corpus(toy_text, tmp_path_factory):
    """Return a corpus of the toy text: three training files and about a tenth held out."""
    folder = tmp_path_factory.mktemp("corpus")
    build_corpus([toy_text], folder, TOY_CORPUS)
    return folder


@pytest.fixture(scope="session")
def toy_shards(toy_corpus, pieces_model, tmp_path_factory):
    """Return the shards of the toy corpus, with rows of at most 32 pieces."""
    vocabulary = tmp_path_factory.mktemp("vocabulary") / "pieces.model"
    vocabulary.write_bytes(pieces_model)
    return build_shards(toy_corpus, vocabulary, tmp_path_factory.mktemp("shards"), 32)
