import gzip
import json
import lzma
from collections import Counter

import pytest

from training.errors import CorpusError
from training.text.corpus import CorpusConfig, build_corpus, read_documents, training_text


def test_every_document_goes_to_training_or_is_held_out_and_none_is_lost(toy_text, toy_corpus):
    given = toy_text.read_text().splitlines()
    assert len(given) == len(set(given))
    trained = [text for path in training_text(toy_corpus) for text in read_documents(path)]
    held_out = list(read_documents(toy_corpus / "held_out" / "toy.txt"))
    assert sorted(trained + held_out) == sorted(given)
    assert 0.05 * len(given) < len(held_out) < 0.2 * len(given)


def test_a_document_that_occurs_twice_never_stands_on_both_sides(tmp_path):
    documents = [f"第{number}篇文章" for number in range(50)]
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text("\n".join(documents))
    build_corpus([tmp_path], tmp_path / "out", CorpusConfig(min_files=2, held_out_one_in=4))
    trained = {t for p in training_text(tmp_path / "out") for t in read_documents(p)}
    held_out = {t for p in (tmp_path / "out/held_out").iterdir() for t in read_documents(p)}
    assert trained
    assert held_out
    assert not trained & held_out


@pytest.mark.parametrize(("less", "is_held_out"), [(0, True), (1, False)])
def test_what_is_held_out_is_decided_by_the_text_alone(tmp_path, less, is_held_out):
    # blake2b of the text, 8 bytes, big-endian: b2sum -l 64 of "苹果" is 58db6f18c5028ecd
    corpus = corpus_of(tmp_path, one_in=int("58db6f18c5028ecd", 16) - less, a="苹果", b="病毒")
    assert corpus.sources["a"].held_out_documents == is_held_out
    assert corpus.sources["b"].held_out_documents == 0


def test_the_order_of_training_documents_is_not_the_order_of_the_source(toy_text, toy_corpus):
    trained = [text for path in training_text(toy_corpus) for text in read_documents(path)]
    given = [text for text in toy_text.read_text().splitlines() if text in set(trained)]
    assert trained != given


def test_a_second_division_into_fewer_files_leaves_none_of_the_first(toy_text, tmp_path):
    build_corpus([toy_text], tmp_path, CorpusConfig(min_files=5))
    build_corpus([toy_text], tmp_path, CorpusConfig(min_files=2))
    assert len(training_text(tmp_path)) == 2


def test_a_source_of_weight_two_and_a_half_is_read_two_or_three_times(tmp_path):
    for name in ("often", "once"):
        documents = [f"{name}{number}" for number in range(400)]
        (tmp_path / f"{name}.txt").write_text("\n".join(documents))
    config = CorpusConfig(weights={"often": 2.5})
    build_corpus([tmp_path], tmp_path / "out", config)
    read = Counter(t for p in training_text(tmp_path / "out") for t in read_documents(p))
    times = {name: [n for t, n in read.items() if t.startswith(name)] for name in ("often", "once")}
    assert set(times["often"]) == {2, 3}
    assert sum(times["often"]) == pytest.approx(2.5 * len(times["often"]), rel=0.1)
    assert set(times["once"]) == {1}


def test_a_weight_of_no_source_is_refused(toy_text, tmp_path):
    with pytest.raises(CorpusError, match=r"\['other'\]; the sources are \['toy'\]"):
        build_corpus([toy_text], tmp_path, CorpusConfig(weights={"other": 2.0}))
    with pytest.raises(CorpusError, match="weight of toy is 0"):
        CorpusConfig(weights={"toy": 0.0})


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
    with pytest.raises(CorpusError, match=r"broken\.txt, line 2"):
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


def corpus_of(tmp_path, *, one_in=10**9, **texts):
    """Divide sources given by name and content."""
    for name, data in texts.items():
        data = data if isinstance(data, bytes) else data.encode()
        (tmp_path / f"{name}.txt").write_bytes(data)
    return build_corpus([tmp_path], tmp_path / "out", CorpusConfig(held_out_one_in=one_in))


def trained_on(tmp_path):
    return sorted(t for path in training_text(tmp_path / "out") for t in read_documents(path))


def test_copies_of_a_document_are_dropped_counted_and_told_by_file_and_line(tmp_path):
    corpus = corpus_of(tmp_path, one="苹果\n病毒\n苹果\n苹果\n", two="窗口\n病毒\n")
    assert trained_on(tmp_path) == sorted(["苹果", "病毒", "窗口"])
    assert (corpus.sources["one"].duplicates, corpus.sources["two"].duplicates) == (2, 1)
    assert (corpus.sources["one"].documents, corpus.sources["one"].characters) == (2, 4)
    assert any("one line 3 repeats one line 1" in note for note in corpus.notes)
    assert any("two line 2 repeats one line 2" in note for note in corpus.notes)


def test_copies_are_kept_where_that_is_asked_for(tmp_path):
    (tmp_path / "a.txt").write_text("苹果\n苹果\n")
    config = CorpusConfig(held_out_one_in=10**9, keep_duplicates=True)
    build_corpus([tmp_path], tmp_path / "out", config)
    assert trained_on(tmp_path) == ["苹果", "苹果"]


def test_an_empty_file_is_told_and_the_others_are_read(tmp_path):
    corpus = corpus_of(tmp_path, empty="\n \n", full="苹果\n")
    assert [note for note in corpus.notes if "empty.txt holds no text" in note]
    assert trained_on(tmp_path) == ["苹果"]


def test_a_corpus_of_empty_files_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="no text to train on"):
        corpus_of(tmp_path, empty="")


def test_one_giant_line_is_told_by_file_and_line_and_kept_whole(tmp_path):
    giant = "苹果" * 60_000
    corpus = corpus_of(tmp_path, book=f"短\n{giant}\n")
    assert any("book.txt line 2 has 120,000 characters" in note for note in corpus.notes)
    assert giant in trained_on(tmp_path)


@pytest.mark.parametrize("separator", ["\u2028", "\x85", "\r", "\t", "\v"])
def test_a_line_separator_inside_a_document_does_not_end_it(tmp_path, separator):
    corpus_of(tmp_path, one=f"苹果{separator}手机\r\n")
    assert trained_on(tmp_path) == [f"苹果{separator}手机"]


def test_a_large_corpus_gets_as_many_files_as_keep_each_small(tmp_path, monkeypatch):
    monkeypatch.setattr("training.text.corpus.MAX_FILE_BYTES", 100)
    corpus_of(tmp_path, one="".join(f"第{number}篇文章\n" for number in range(200)))
    files = training_text(tmp_path / "out")
    assert len(files) == -(-(tmp_path / "one.txt").stat().st_size // 100)
    assert len(trained_on(tmp_path)) == 200


def test_copies_of_what_is_held_out_are_dropped_too(tmp_path):
    corpus = corpus_of(
        tmp_path, one_in=int("58db6f18c5028ecd", 16), a="苹果\n苹果\n病毒", b="苹果\n"
    )
    assert [(c.held_out_documents, c.duplicates) for c in corpus.sources.values()] == [
        (1, 1),
        (0, 1),
    ]
    assert list(read_documents(tmp_path / "out/held_out/a.txt")) == ["苹果"]
    assert any("b line 1 repeats a line 1" in note for note in corpus.notes)
    assert not any("holds no text" in note for note in corpus.notes)


def test_half_a_corpus_is_refused_by_the_steps_that_read_one(tmp_path):
    corpus_of(tmp_path, a="苹果\n")
    assert trained_on(tmp_path) == ["苹果"]
    with pytest.raises(CorpusError, match="not UTF-8"):
        corpus_of(tmp_path, a="苹果\n", b=b"\xff\n")
    with pytest.raises(CorpusError, match="holds no whole corpus; run `bilm train corpus`"):
        training_text(tmp_path / "out")


def test_a_corpus_of_another_version_is_refused(tmp_path):
    corpus_of(tmp_path, a="苹果\n")
    (tmp_path / "out/corpus.json").write_text('{"version": 1}')
    with pytest.raises(CorpusError, match="holds a corpus of version 1; run"):
        training_text(tmp_path / "out")


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("xz", lzma.compress)])
def test_packed_text_that_ends_too_early_is_refused_by_file_and_line(tmp_path, suffix, pack):
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(pack("苹果\n".encode() * 1000)[:-9])
    with pytest.raises(CorpusError, match=rf"cut\.{suffix}, line \d+: the file ends or is damaged"):
        list(read_documents(path))


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    path = tmp_path / "windows.txt"
    path.write_bytes("\ufeff苹果\r\n病毒\r\n".encode())
    assert list(read_documents(path)) == ["苹果", "病毒"]


def test_an_encoding_that_is_not_utf8_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(CorpusError, match=r"gbk\.txt, line 2: not UTF-8 .*iconv"):
        corpus_of(tmp_path, gbk=b"ok\n" + "苹果手机".encode("gbk") + b"\n")
