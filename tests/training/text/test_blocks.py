"""What is held out by blocks stands apart from what is trained on."""

import itertools
import random

import pytest

from training.__main__ import main
from training.errors import CorpusError
from training.text.blocks import Blocks, block_characters
from training.text.corpus import CorpusConfig, build_corpus, read_documents, training_text
from training.text.overlap import Overlap

LETTERS = [chr(code) for code in range(0x4E00, 0x9000)]


def clause(seed, length=30):
    return "".join(random.Random(seed).choices(LETTERS, k=length))


def held_out_places(lines, one_in, max_characters=10**9):
    blocks = Blocks(one_in, max_characters)
    return [place for place, line in enumerate(lines) if blocks.holds_out(line)]


def test_the_first_line_of_a_block_decides_for_fifty():
    # blake2b of the text, 8 bytes, big-endian: b2sum -l 64 of "苹果" is 58db6f18c5028ecd
    one_in = int("58db6f18c5028ecd", 16)
    lines = ["病毒"] * 50 + ["苹果"] + ["病毒"] * 120
    assert held_out_places(lines, one_in) == [*range(50, 100)]
    assert held_out_places(lines, one_in - 1) == []
    assert held_out_places(["病毒", *lines], one_in) == []  # 苹果 is no longer the first


def test_the_twentieth_block_of_a_source_is_always_held_out():
    assert held_out_places(["病毒"] * 1100, 10**18) == [*range(950, 1000)]


def test_a_block_of_long_documents_ends_when_it_has_enough_characters():
    """Blocks end after 5 and 5, 3 and 8 characters: the 20th has the documents 38 and 39."""
    lines = ["苹果手机吗", "苹果手机吗", "苹果吗", "苹果手机电脑病毒"] * 20
    assert held_out_places(lines, 10**18, 10) == [38, 39]


def test_a_block_of_a_small_corpus_is_short():
    """20 blocks are to be held out: of a million characters one in 20 of 2,500 each."""
    assert block_characters(1_000_000, 20) == 2_500
    assert block_characters(100, 200) == 1


def test_a_document_that_shares_13_letters_with_the_training_text_is_found():
    shared = clause(0, 13)
    texts = [f"前{shared}后" + clause(1), shared[:12] + clause(2), clause(3)]
    overlap = Overlap(texts)
    assert overlap.flags().tolist() == [False, False, False]
    overlap.read([clause(4), clause(5) + shared[:5] + "，“" + shared[5:] + clause(6)])
    assert overlap.flags().tolist() == [True, False, False]


def test_a_string_across_two_documents_is_none():
    first, second = clause(0, 20), clause(1, 20)
    overlap = Overlap([clause(2) + first[-7:] + second[:7]])
    overlap.read([first, second])
    assert overlap.flags().tolist() == [False]


def test_thirteen_words_of_english_are_a_string_and_three_are_not():
    words = [
        "the",
        "quick",
        "brown",
        "fox",
        "jumps",
        "over",
        "the",
        "lazy",
        "dog",
        "and",
        "then",
        "it",
        "sleeps",
    ]
    held_out = "Yesterday, " + " ".join(words)
    for number, is_shared in ((12, False), (13, True)):
        overlap = Overlap([held_out])
        overlap.read([" ".join([*words[:number], "today"]).upper()])
        assert overlap.flags().tolist() == [is_shared], number


def test_a_short_document_is_compared_as_a_whole():
    overlap = Overlap(["苹果手机", "苹果", "果手机"])
    overlap.read(["苹果、手机！", "我有苹果"])
    assert overlap.flags().tolist() == [True, False, False]


def test_one_shared_string_is_enough_in_a_paragraph_and_not_in_a_chapter():
    """112 letters have 100 runs of 13, of which one is a hundredth; 113 letters have 101."""
    shared = clause(0, 13)
    overlap = Overlap([shared + clause(1, 99), shared + clause(2, 100)])
    overlap.read([shared])
    assert overlap.shares() == pytest.approx([1 / 100, 1 / 101])
    assert overlap.flags().tolist() == [True, False]


def corpus_of(folder, lines, one_in=10):
    (folder / "a.txt").write_text("\n".join(lines))
    config = CorpusConfig(held_out_one_in=one_in)
    corpus = build_corpus([folder], folder / "out", config)
    held_out = list(read_documents(folder / "out/held_out/a.txt"))
    trained = [text for path in training_text(folder / "out") for text in read_documents(path)]
    return corpus, held_out, trained


def test_neighbours_of_a_held_out_line_are_held_out(tmp_path):
    """120,119 characters and one in 20 make blocks of 300, which is ten lines."""
    lines = [clause(seed) for seed in range(3_960)]
    corpus, held_out, trained = corpus_of(tmp_path, lines, one_in=20)
    assert sorted(held_out + trained) == sorted(lines)
    place_of = {line: place for place, line in enumerate(lines)}
    places = [place_of[line] for line in held_out]
    runs = [
        [place for _, place in run]
        for _, run in itertools.groupby(enumerate(places), lambda one: one[1] - one[0])
    ]
    assert 100 <= len(held_out) <= 400
    assert all(len(run) % 10 == 0 for run in runs)
    assert corpus.sources["a"].held_out_documents == len(held_out)


def test_held_out_lines_that_stand_in_the_training_text_are_dropped_and_counted(
    tmp_path, monkeypatch
):
    """The block from 950 on is held out: one line stands before it, one holds half of a line."""
    monkeypatch.setattr("training.text.corpus.block_characters", lambda *_: 10**9)
    lines = [clause(seed) for seed in range(1_000)]
    lines[960] = lines[3] + "！"
    lines[970] = clause(5_000) + lines[4][:14]
    lines[980] = lines[981]
    corpus, held_out, trained = corpus_of(tmp_path, lines, one_in=10**18)
    places = [*range(950, 960), *range(961, 970), *range(971, 980), *range(981, 1000)]
    assert held_out == [lines[place] for place in places]
    assert set(trained) == set(lines[:950])
    count = corpus.sources["a"]
    assert (count.held_out_documents, count.held_out_near_copies) == (47, 2)
    assert count.held_out_characters == 47 * 30
    note = "held-out documents dropped, for they share text with the training text: 2 (a: "
    assert any(one.startswith(note) for one in corpus.notes)


def test_the_command_holds_out_single_documents_where_that_is_asked_for(tmp_path):
    (tmp_path / "a.txt").write_text("\n".join(clause(seed) for seed in range(2_000)))
    given = ["corpus", str(tmp_path), "--out", str(tmp_path / "out"), "--document", "line"]
    held_out = tmp_path / "out/held_out/a.txt"
    assert main(given) == 0
    by_blocks = list(read_documents(held_out))
    assert main([*given, "--split", "documents"]) == 0
    assert by_blocks != list(read_documents(held_out))
    assert 2 <= len(list(read_documents(held_out))) <= 25


def test_an_unknown_split_is_refused():
    with pytest.raises(CorpusError, match="split is 'lines'; it must be one of blocks, documents"):
        CorpusConfig(split="lines")
