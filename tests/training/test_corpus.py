import gzip
import json
import lzma

import pytest

from training.corpus import CorpusConfig, build_corpus, is_held_out, read_documents, training_text
from training.errors import CorpusError


def test_every_document_goes_to_training_or_is_held_out_and_none_is_lost(toy_text, toy_corpus):
    given = toy_text.read_text().splitlines()
    trained = [text for path in training_text(toy_corpus) for text in read_documents(path)]
    held_out = list(read_documents(toy_corpus / "held_out" / "toy.txt"))
    assert sorted(trained + held_out) == sorted(given)
    assert 0.05 * len(given) < len(held_out) < 0.2 * len(given)


def test_a_document_that_occurs_twice_never_stands_on_both_sides(tmp_path):
    documents = [f"第{number % 50}篇文章" for number in range(200)]
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text("\n".join(documents))
    build_corpus([tmp_path], tmp_path / "out", CorpusConfig(num_files=2, held_out_one_in=4))
    trained = {t for p in training_text(tmp_path / "out") for t in read_documents(p)}
    held_out = {t for p in (tmp_path / "out/held_out").iterdir() for t in read_documents(p)}
    assert trained
    assert held_out
    assert not trained & held_out


def test_what_is_held_out_is_decided_by_the_text_alone():
    # blake2b of the text, 8 bytes, big-endian: b2sum -l 64 of "苹果" is 58db6f18c5028ecd
    assert is_held_out("苹果", 2) == (int("58db6f18c5028ecd", 16) % 2 == 0)


def test_the_order_of_training_documents_is_not_the_order_of_the_source(toy_text, toy_corpus):
    trained = [text for path in training_text(toy_corpus) for text in read_documents(path)]
    given = [text for text in toy_text.read_text().splitlines() if text in set(trained)]
    assert trained != given


def test_a_second_division_into_fewer_files_leaves_none_of_the_first(toy_text, tmp_path):
    build_corpus([toy_text], tmp_path, CorpusConfig(num_files=5))
    build_corpus([toy_text], tmp_path, CorpusConfig(num_files=2))
    assert len(training_text(tmp_path)) == 2


@pytest.mark.parametrize(
    ("suffix", "pack"), [("txt", bytes), ("gz", gzip.compress), ("xz", lzma.compress)]
)
def test_packed_text_reads_like_plain_text(tmp_path, suffix, pack):
    path = tmp_path / f"source.{suffix}"
    path.write_bytes(pack("苹果\n\n  病毒 \n".encode()))
    assert list(read_documents(path)) == ["苹果", "病毒"]


def test_text_that_is_not_utf8_is_refused_by_file_and_line(tmp_path):
    path = tmp_path / "broken.txt"
    path.write_bytes("好\n".encode() + b"\xff\xfe\n")
    with pytest.raises(CorpusError, match=r"broken\.txt line 2"):
        list(read_documents(path))


def test_two_sources_of_one_name_are_refused(tmp_path):
    for name in ("a.txt", "a.gz"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(CorpusError, match="share the name a"):
        build_corpus([tmp_path], tmp_path / "out", CorpusConfig())


@pytest.mark.parametrize("given", ["nothing", "."])
def test_a_corpus_of_nothing_is_refused(tmp_path, given):
    with pytest.raises(CorpusError, match=r"does not exist|no text"):
        build_corpus([tmp_path / given], tmp_path / "out", CorpusConfig())


def test_the_manifest_counts_code_points(tmp_path):
    (tmp_path / "emoji.txt").write_text("😀苹果")
    build_corpus([tmp_path / "emoji.txt"], tmp_path / "out", CorpusConfig())
    source = json.loads((tmp_path / "out/corpus.json").read_text())["sources"]["emoji"]
    assert source["characters"] + source["held_out_characters"] == 3
