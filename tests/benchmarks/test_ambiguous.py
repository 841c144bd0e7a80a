import numpy as np
import pytest

from benchmarks.ambiguous import votes
from benchmarks.ambiguous_sentences import SENTENCES

SENSES = [sense for senses in SENTENCES.values() for sense in senses.items()]


@pytest.mark.parametrize("word", SENTENCES)
def test_a_sentence_has_its_word_once(word):
    for texts in SENTENCES[word].values():
        assert [text.count(word) for text in texts] == [1] * 6


def test_no_sentence_stands_twice():
    texts = [text for _, texts in SENSES for text in texts]
    assert len(set(texts)) == len(texts) == 144


@pytest.fixture
def rows():
    """Return vectors of which each sense has a direction of its own, with a little noise."""
    noise = np.random.default_rng(1).normal(scale=0.01, size=(144, len(SENSES)))
    return (np.repeat(np.eye(len(SENSES)), 6, axis=0) + noise).astype(np.float32)


def test_senses_that_lie_apart_are_all_right(rows):
    assert votes(rows) == [True] * 144


def test_a_sentence_that_lies_with_the_other_sense_is_wrong_alone(rows):
    rows[0] = rows[6]
    assert votes(rows) == [False] + [True] * 143


def test_length_does_not_count_but_the_cosine(rows):
    rows *= np.random.default_rng(2).uniform(0.1, 10, size=(144, 1)).astype(np.float32)
    assert votes(rows) == [True] * 144
