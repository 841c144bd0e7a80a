import argparse
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.classifier.data import Labelled
from examples.classifier.errors import DataError
from examples.classifier.splits import cut, declare_splits, read_splits

DATA = Labelled(
    [f"好{number}" for number in range(100)] + [f"坏{number}" for number in range(50)],
    ["1"] * 100 + ["0"] * 50,
)


def pairs(data):
    return sorted(zip(data.texts, data.labels, strict=True))


def test_each_label_gives_its_share_and_nothing_is_lost():
    train, test = cut(DATA, 0.2, 0)
    assert Counter(test.labels) == {"1": 20, "0": 10}
    assert sorted(pairs(train) + pairs(test)) == pairs(DATA)


def test_the_cut_depends_on_seed_and_texts_and_not_on_their_order():
    order = random.Random(1).sample(range(150), 150)
    mixed = Labelled([DATA.texts[row] for row in order], [DATA.labels[row] for row in order])
    assert [pairs(part) for part in cut(mixed, 0.2, 3)] == [
        pairs(part) for part in cut(DATA, 0.2, 3)
    ]
    assert pairs(cut(DATA, 0.2, 4)[1]) != pairs(cut(DATA, 0.2, 3)[1])


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from("ab")), min_size=1),
    st.floats(0.05, 0.95),
)
def test_no_text_is_judged_that_was_trained_on(rows, share):
    data = Labelled([str(text) for text, _ in rows], [label for _, label in rows])
    firsts = dict(reversed(rows))
    if 1 in Counter(firsts.values()).values():
        with pytest.raises(DataError, match="has only one text"):
            cut(data, share, 0)
        return
    train, test = cut(data, share, 0)
    assert not set(train.texts) & set(test.texts)
    assert sorted(pairs(train) + pairs(test)) == pairs(data)
    assert train.texts
    assert test.texts


def test_a_label_with_a_single_text_is_refused_with_the_remedy():
    with pytest.raises(DataError, match="'b' has only one text, and a cut needs two; give --test"):
        cut(Labelled(["x", "y", "z", "z"], ["a", "a", "b", "b"]), 0.5, 0)


def options(*arguments):
    parser = argparse.ArgumentParser()
    declare_splits(parser)
    return parser.parse_args(["--label", "1", "--text", "2", *arguments])


def test_a_file_for_the_test_is_read_and_nothing_is_cut(tmp_path):
    for name in ("train", "test"):
        (tmp_path / name).write_text(f"a\t{name}\n", encoding="utf-8")
    given = options("--train", str(tmp_path / "train"), "--test", str(tmp_path / "test"))
    train, test, origin = read_splits(given)
    assert (train.texts, test.texts) == (["train"], ["test"])
    assert origin == f"{tmp_path / 'test'} judges"


@pytest.mark.parametrize("share", ["0", "1", "20", "much"])
def test_a_share_that_leaves_nothing_is_refused(share, capsys):
    with pytest.raises(SystemExit):
        options("--train", "a", "--test-share", share)
    assert f"'{share}' is not a share between 0 and 1" in capsys.readouterr().err
