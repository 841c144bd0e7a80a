import gzip
import json
import lzma
import random
import subprocess
import sys
from collections import Counter

import pytest

from training.__main__ import main
from training.errors import CorpusError
from training.text.corpus import (
    CorpusConfig,
    _Files,
    build_corpus,
    read_documents,
    training_text,
)


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
    config = CorpusConfig(min_files=2, held_out_one_in=4, split="documents")
    build_corpus([tmp_path], tmp_path / "out", config)
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


@pytest.mark.parametrize("given", ["nothing", "."])
def test_a_corpus_of_nothing_is_refused(tmp_path, given):
    with pytest.raises(CorpusError, match=r"does not exist|no text"):
        build_corpus([tmp_path / given], tmp_path / "out", CorpusConfig())


def test_the_manifest_counts_code_points(tmp_path):
    (tmp_path / "emoji.txt").write_text("😀苹果")
    build_corpus([tmp_path / "emoji.txt"], tmp_path / "out", CorpusConfig())
    source = json.loads((tmp_path / "out/corpus.json").read_text())["sources"]["emoji"]
    assert source["characters"] + source["held_out_characters"] == 3


def corpus_of(tmp_path, *, one_in=10**9, split="documents", **texts):
    """Divide sources given by name and content."""
    for name, data in texts.items():
        data = data if isinstance(data, bytes) else data.encode()
        (tmp_path / f"{name}.txt").write_bytes(data)
    config = CorpusConfig(held_out_one_in=one_in, split=split)
    return build_corpus([tmp_path], tmp_path / "out", config)


def trained_on(tmp_path):
    return sorted(t for path in training_text(tmp_path / "out") for t in read_documents(path))


def test_copies_of_a_document_are_dropped_counted_and_told_by_file_and_line(tmp_path):
    corpus = corpus_of(tmp_path, one="苹果\n病毒\n苹果\n苹果\n", two="窗口\n病毒\n")
    assert trained_on(tmp_path) == sorted(["苹果", "病毒", "窗口"])
    assert (corpus.sources["one"].duplicates, corpus.sources["two"].duplicates) == (2, 1)
    assert (corpus.sources["one"].documents, corpus.sources["one"].characters) == (2, 4)
    assert any("one.txt, line 3 repeats one.txt, line 1" in note for note in corpus.notes)
    assert any("two.txt, line 2 repeats one.txt, line 2" in note for note in corpus.notes)


def test_copies_are_kept_where_that_is_asked_for(tmp_path):
    (tmp_path / "a.txt").write_text("苹果\n苹果\n")
    config = CorpusConfig(held_out_one_in=10**9, keep_duplicates=True)
    build_corpus([tmp_path], tmp_path / "out", config)
    assert trained_on(tmp_path) == ["苹果", "苹果"]


def test_an_empty_file_is_told_and_the_others_are_read(tmp_path):
    corpus = corpus_of(tmp_path, empty="\n \n", full="苹果\n")
    assert [note for note in corpus.notes if "files without text: 1 (empty.txt)" in note]
    assert trained_on(tmp_path) == ["苹果"]


def test_a_corpus_of_empty_files_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="no text to train on"):
        corpus_of(tmp_path, empty="")


def test_one_giant_line_is_told_by_file_and_line_and_kept_whole(tmp_path):
    giant = "苹果" * 60_000
    corpus = corpus_of(tmp_path, book=f"短\n{giant}\n")
    assert any(
        "documents of more than 100,000 characters" in note and "(book.txt, line 2)" in note
        for note in corpus.notes
    )
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
    assert any("b.txt, line 1 repeats a.txt, line 1" in note for note in corpus.notes)
    assert not any("files without text" in note for note in corpus.notes)


def test_half_a_corpus_is_refused_by_the_steps_that_read_one(tmp_path):
    corpus_of(tmp_path, a="苹果\n")
    assert trained_on(tmp_path) == ["苹果"]
    with pytest.raises(CorpusError, match=r"1 of 2 files cannot be read.*b\.txt"):
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


def article(seed):
    chance = random.Random(seed)
    return "".join(chance.choices([chr(code) for code in range(0x4E00, 0x5600)], k=120))


def test_near_copies_are_dropped_and_counted_with_their_beginning(tmp_path):
    first, second = article(1), article(2)
    corpus = corpus_of(tmp_path, one=f"{first}\n{second}\n", two=f"转：{first}\n{first}\n")
    assert trained_on(tmp_path) == sorted([first, second])
    assert (corpus.sources["two"].near_copies, corpus.sources["two"].duplicates) == (1, 1)
    note = f"near copies of earlier documents dropped: 1 (two.txt, line 1: 转：{first[:27]}…)"
    assert note in corpus.notes


def test_near_copies_are_kept_where_that_is_asked_for(tmp_path):
    (tmp_path / "a.txt").write_text(f"{article(1)}\n{article(1)}！\n")
    config = CorpusConfig(held_out_one_in=10**9, keep_near_copies=True)
    build_corpus([tmp_path], tmp_path / "out", config)
    assert trained_on(tmp_path) == [article(1), f"{article(1)}！"]


def test_a_near_copy_of_what_is_held_out_is_not_trained_on(tmp_path):
    documents = [article(seed) for seed in range(40)]
    (tmp_path / "a.txt").write_text("\n".join(documents))
    (tmp_path / "b.txt").write_text("\n".join(f"{text}。" for text in documents))
    build_corpus([tmp_path], tmp_path / "out", CorpusConfig(held_out_one_in=3, split="documents"))
    held_out = list(read_documents(tmp_path / "out/held_out/a.txt"))
    assert held_out
    assert sorted(held_out + trained_on(tmp_path)) == sorted(documents)


def test_a_reason_has_one_note_however_many_files_have_it(tmp_path):
    texts = {f"s{number}": f"同一句话\n第{number}篇\n" for number in range(40)}
    corpus = corpus_of(tmp_path, **texts)
    assert len(corpus.notes) == 2
    assert corpus.notes[1].startswith("copies dropped: 39 (")


def test_an_encoding_that_is_not_utf8_is_read_and_reported(tmp_path):
    corpus = corpus_of(tmp_path, gbk="我在用苹果手机打电话\n".encode("gbk"))
    assert trained_on(tmp_path) == ["我在用苹果手机打电话"]
    assert any("files in gb18030" in note and "gbk.txt" in note for note in corpus.notes)


def test_a_document_with_tabs_and_a_file_with_an_odd_name_stay_whole(tmp_path):
    (tmp_path / "a\tb.txt").write_text("苹果\t手机\n苹果\t手机\n")
    corpus = build_corpus([tmp_path], tmp_path / "out", CorpusConfig(held_out_one_in=10**9))
    assert trained_on(tmp_path) == ["苹果\t手机"]
    assert corpus.sources["a?b"].duplicates == 1


def test_the_command_reads_as_its_options_say(tmp_path, capsys):
    (tmp_path / "a.csv").write_bytes("甲,苹果\n乙,手机\n".encode("gbk"))
    (tmp_path / "b.txt").write_text(f"{article(1)}\n{article(1)}！\n")
    options = ["--text-field", "1", "--encoding", "gbk", "--keep-near-copies", "--document", "line"]
    assert main(["corpus", str(tmp_path), "--out", str(tmp_path / "out"), *options]) == 0
    assert trained_on(tmp_path) == sorted(["苹果", "手机", article(1), f"{article(1)}！"])
    assert "training: a document is a record in 1 csv file, a line" in capsys.readouterr().err
    assert main(["corpus", str(tmp_path), "--encoding", "gbk2"]) == 2
    assert "no text encoding 'gbk2'" in capsys.readouterr().err


def test_training_files_are_written_as_the_text_comes(tmp_path, monkeypatch):
    monkeypatch.setattr("training.text.corpus.MAX_WAITING_CHARACTERS", 5)
    paths = [tmp_path / "a", tmp_path / "b"]
    files = _Files(paths)
    for number, line in enumerate(["苹果\n", "手机\n", "病毒\n"]):
        files.write(number, line)
    assert [path.read_text() for path in paths] == ["苹果\n", "手机\n"]
    files.flush()
    assert [path.read_text() for path in paths] == ["苹果\n病毒\n", "手机\n"]


def mixed_folder(folder, num_files):
    """Fill a folder with small files of every kind."""
    bodies = {
        ".txt": "{0}\n第{1}篇的第二行。",
        ".md": "# 第{1}篇\n\n**{0}**\n",
        ".html": "<title>x</title><p>{0}</p><p>第{1}篇</p>",
        ".csv": 'id,text\n{1},"{0}"\n',
        ".tsv": "id\ttext\n{1}\t{0}\n",
        ".jsonl": '{{"id": {1}, "text": "{0}"}}\n',
    }
    folder.mkdir()
    for number in range(num_files):
        suffix, body = list(bodies.items())[number % len(bodies)]
        encoding = "gbk" if number % 10 == 9 else "utf-8"
        path = folder / f"{number:05d}{suffix}"
        path.write_bytes(body.format(article(number), number).encode(encoding))


def test_hundreds_of_small_files_of_every_kind_need_few_open_files(tmp_path):
    mixed_folder(tmp_path / "mixed", 500)
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from training.text.corpus import CorpusConfig, build_corpus\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))\n"
        "given, out = map(Path, sys.argv[1:])\n"
        "corpus = build_corpus([given], out, CorpusConfig(min_files=40))\n"
        "print(sum(c.documents + c.held_out_documents for c in corpus.sources.values()))\n"
        "print(*corpus.notes, sep='\\n')\n"
    )
    command = [sys.executable, "-c", program, tmp_path / "mixed", tmp_path / "out"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    number, *notes = found.stdout.splitlines()
    assert int(number) == 500
    assert len(notes) < 8
    assert len(trained_on(tmp_path)) > 480


@pytest.mark.long
def test_memory_does_not_grow_with_the_text(tmp_path):
    """Thirty times the text may take as much memory as one training file more, and no further."""
    peaks = [peak_mebibytes(tmp_path / str(times), times) for times in (1, 30)]
    assert peaks[1] < peaks[0] + 150


def peak_mebibytes(folder, times):
    folder.mkdir()
    chance = random.Random(1)
    letters = [chr(code) for code in range(0x4E00, 0x5600)]
    with (folder / "a.txt").open("w", encoding="utf-8") as file:
        for _ in range(times * 10_000):  # about 4 MB
            file.write("".join(chance.choices(letters, k=130)) + "\n")
    program = (
        "import resource, sys; from pathlib import Path\n"
        "import training.text.corpus as corpus\n"
        "corpus.MAX_FILE_BYTES = 4 << 20\n"
        "corpus.build_corpus([Path(sys.argv[1])], Path(sys.argv[2]), corpus.CorpusConfig())\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)\n"
    )
    command = [sys.executable, "-c", program, folder, folder / "out"]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
