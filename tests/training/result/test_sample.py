"""The sample of held-out text depends on the text alone."""

import hashlib
import random

import pytest

from tests.conftest import SENTENCES
from training.result.sample import EXCERPT_CHARACTERS, draw_sample, excerpts_of


def documents(number):
    chance = random.Random(7)
    return [f"{i}" + "".join(chance.choices(SENTENCES, k=12)) for i in range(number)]


def write(folder, texts_by_source):
    (folder / "held_out").mkdir(parents=True)
    for source, texts in texts_by_source.items():
        (folder / f"held_out/{source}.txt").write_text("".join(text + "\n" for text in texts))
    return folder


@pytest.fixture(scope="module")
def texts():
    return documents(300)


@pytest.fixture(scope="module")
def one_file(texts, tmp_path_factory):
    return write(tmp_path_factory.mktemp("one"), {"all": texts})


def test_one_file_and_three_hundred_give_the_same_sample(texts, one_file, tmp_path):
    many = write(tmp_path, {f"{number:03}": [text] for number, text in enumerate(texts[::-1])})
    one, other = draw_sample(one_file, 5_000), draw_sample(many, 5_000)
    assert [e.text for e in one.excerpts] == [e.text for e in other.excerpts]
    assert one.sha256 == other.sha256
    assert (len(one.sources), len(other.sources)) == (1, 300)
    groups = {cell.group for cell in other.cells}
    assert len(groups) == 40
    assert "other, 261 sources" in groups
    assert [cell.language for cell in one.cells] == ["Chinese"]


def test_the_excerpts_with_the_smallest_hashes_are_drawn(texts, one_file):
    everything = [excerpt for text in texts for excerpt in excerpts_of(text)]
    hashes = {e: hashlib.blake2b(e.encode(), digest_size=8).hexdigest() for e in everything}
    smallest = sorted(everything, key=hashes.get)
    found = [one.text for one in draw_sample(one_file, 5_000).excerpts]
    assert found == smallest[: len(found)]
    assert sum(map(len, found)) >= 5_000 > sum(map(len, found[:-1]))


def test_a_smaller_sample_is_the_beginning_of_a_larger_one(one_file):
    small, large = draw_sample(one_file, 1_000), draw_sample(one_file, 9_000)
    assert small.excerpts == large.excerpts[: len(small.excerpts)]
    assert small.sha256 != large.sha256


def test_less_text_than_the_sample_is_drawn_whole(texts, one_file):
    assert draw_sample(one_file, 10**9).characters == sum(map(len, texts))


def test_sources_without_text_are_not_counted(tmp_path):
    sample = draw_sample(write(tmp_path, {"a": ["我吃苹果。"], "empty": []}), 100)
    assert sample.sources == ("a",)


def test_excerpts_are_whole_sentences_and_together_the_document():
    text = "".join(SENTENCES * 9)
    found = list(excerpts_of(text))
    assert "".join(found) == text
    assert max(map(len, found)) <= EXCERPT_CHARACTERS
    assert all(one[-1] in "。！." for one in found)
    assert len(found) < len(text) / EXCERPT_CHARACTERS * 1.5


def test_a_sentence_that_is_too_long_is_cut_and_not_lost():
    found = list(excerpts_of("苹" * 400))
    assert [len(one) for one in found] == [150, 150, 100]
