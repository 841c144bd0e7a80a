import numpy as np
import pytest

from examples.classifier.embeddings import Embeddings
from examples.classifier.errors import DataError
from examples.classifier.experiment import (
    BOTH,
    EMBEDDINGS,
    GRIDS,
    LOGISTIC,
    NAIVE_BAYES,
    Part,
    compare,
    dev_split,
)


def part(texts, targets, vectors):
    return Part(texts, targets, Embeddings([vectors.astype("f2")], np.arange(len(texts))))


def coins(num_texts, seed):
    """Texts that say one bit of a class of four, and vectors that say the other."""
    random = np.random.default_rng(seed)
    targets = np.arange(num_texts) % 4
    noise = random.integers(10_000, 100_000, num_texts)
    bits = np.where(targets % 2, "甜很", "屏幕")
    texts = [f"{bit}{number}" for bit, number in zip(bits, noise, strict=True)]
    vectors = random.normal(0, 0.1, (num_texts, 8))
    vectors[:, 3] += targets // 2
    return part(texts, targets, vectors)


def test_dev_and_fit_rows_are_all_rows_and_dev_is_a_tenth():
    fit_rows, dev_rows = dev_split([str(number) for number in range(105)])
    assert sorted([*fit_rows, *dev_rows]) == list(range(105))
    assert len(dev_rows) == 10


def test_the_split_depends_on_the_texts_and_not_on_their_order():
    texts = [str(number) for number in range(100)]
    dev = {texts[row] for row in dev_split(texts)[1]}
    backward = texts[::-1]
    assert {backward[row] for row in dev_split(backward)[1]} == dev


def test_equal_texts_fall_on_one_side():
    texts = [str(number % 50) for number in range(100)]  # the border lies between two pairs
    fit_rows, dev_rows = dev_split(texts)
    assert not {texts[row] for row in fit_rows} & {texts[row] for row in dev_rows}


def test_nine_texts_are_too_few():
    with pytest.raises(DataError, match="9 training texts; at least 10"):
        dev_split(["甜"] * 9)


def test_only_what_sees_both_sees_both_bits():
    outcomes, _ = compare(coins(200, seed=1), coins(100, seed=2), 4)
    accuracy = {outcome.name: outcome.test.accuracy for outcome in outcomes}
    assert list(accuracy) == list(GRIDS)
    assert accuracy[BOTH] > 0.99
    for name in (NAIVE_BAYES, LOGISTIC, EMBEDDINGS):  # one bit known, one guessed
        assert 0.3 < accuracy[name] < 0.7


def test_the_test_split_chooses_nothing():
    train, test = coins(200, seed=1), coins(100, seed=2)
    wrong = Part(test.texts, (test.targets + 1) % 4, test.embeddings)
    first, _ = compare(train, test, 4)
    second, _ = compare(train, wrong, 4)
    for one, other in zip(first, second, strict=True):
        assert (one.setting, one.dev) == (other.setting, other.dev)
        for ours, theirs in zip(one.model.weights, other.model.weights, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_rows_are_loaded_in_the_order_they_are_taken_and_blocks_side_by_side():
    first, second = np.array([[1], [2], [3]], "f2"), np.array([[10], [20], [30]], "f2")
    embeddings = Embeddings([first, second], np.arange(3))
    taken = embeddings.take(np.array([2, 1, 0])).take(np.array([0, 2]))
    assert taken.load().tolist() == [[3, 30], [1, 10]]
