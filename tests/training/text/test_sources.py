import os
from pathlib import Path

import pytest

from training.errors import CorpusError
from training.text.sources import (
    CLOSED,
    HIDDEN,
    LINKS,
    MADE,
    MAX_SOURCES,
    OTHER_KIND,
    find_sources,
    fingerprints,
    kind_of,
    mark_as_made,
    text_bytes,
)
from training.text.summary import Tally


def filled(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("苹果\n")
    return folder


def names_of(sources):
    return {name: [file.shown for file in source.files] for name, source in sources.items()}


def test_a_file_is_a_source_and_so_is_a_folder_inside_the_folder(tmp_path):
    filled(tmp_path, "b.txt", "a.md", "news/2025/x.txt", "news/y.html", "zoo/z.csv")
    assert names_of(find_sources([tmp_path])) == {
        "a": ["a.md"],
        "b": ["b.txt"],
        "news": ["news/2025/x.txt", "news/y.html"],
        "zoo": ["zoo/z.csv"],
    }


def test_the_files_of_a_large_folder_are_one_source_beside_its_folders(tmp_path):
    loose = [f"{number:03d}.txt" for number in range(MAX_SOURCES + 1)]
    filled(tmp_path / "wiki", *loose, "news/a.txt")
    found = names_of(find_sources([tmp_path / "wiki"]))
    assert found == {"wiki": loose, "news": ["news/a.txt"]}
    given = sorted((tmp_path / "wiki").glob("*.txt"))
    assert names_of(find_sources(given)) == {"wiki": loose}


def test_one_file_fewer_and_each_is_a_source(tmp_path):
    filled(tmp_path, *(f"{number}.txt" for number in range(MAX_SOURCES)))
    assert len(find_sources([tmp_path])) == MAX_SOURCES


def test_files_of_one_name_are_one_source_and_no_file_is_read_twice(tmp_path):
    filled(tmp_path, "x/a.txt", "y/a.gz")
    inputs = [tmp_path / "x", tmp_path / "y", tmp_path / "x/a.txt"]
    assert names_of(find_sources(inputs)) == {"a": ["a.txt", "a.gz"]}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.TXT", "text"),
        ("a.Md", "markdown"),
        ("a.HTM.GZ", "html"),
        ("a.jsonl.xz", "jsonl"),
        ("a.ndjson", "jsonl"),
        ("a.CSV", "csv"),
        ("a.tsv.gz", "tsv"),
        ("a.parquet", "parquet"),
        ("a.Zip", "zip"),
        ("wiki.zh.xz", "text"),
        ("a.gz", "text"),
        ("a.tar.gz", None),
        ("notes.json.txt", "text"),
        ("NOTES.JSON.TXT.GZ", "text"),
        ("reviews.csv.txt", "text"),
        ("a.md.gz.txt", "text"),
        ("archive.zip.txt", "text"),
        ("x.txt.json", "jsonl"),
        ("x.csv.JSON.xz", "jsonl"),
        ("archive.txt.zip", "zip"),
        ("page.html.bak", None),
        ("page.html.gz.bak", None),
        ("a.pdf", None),
        ("README", None),
    ],
)
def test_a_kind_is_told_by_the_suffix_in_any_case(name, kind):
    assert kind_of(Path(name)) == kind


def test_what_is_skipped_is_counted_with_examples(tmp_path):
    filled(tmp_path, "a.txt", "b.png", "c.pdf", "d", ".DS_Store", ".git/config", "x/.hidden.txt")
    filled(tmp_path, "away/e.txt")
    (tmp_path / "x/link").symlink_to(tmp_path / "away")
    tally = Tally()
    assert set(find_sources([tmp_path], tally)) == {"a", "away"}
    lines = "\n".join(tally.lines())
    assert f"{HIDDEN}: 3 (.git/; .DS_Store; x/.hidden.txt)" in lines
    assert f"{OTHER_KIND}: 3 (b.png; c.pdf; d)" in lines
    assert f"{LINKS}: 1 (x/link/)" in lines


def test_what_an_earlier_run_left_in_the_folder_is_no_text_of_it(tmp_path):
    filled(tmp_path, "a.txt", "build/mine/corpus/train-000.txt", "models/mine/pieces.model")
    filled(tmp_path, "models/mine/card.jsonl", "build/mine/run/log.jsonl")
    mark_as_made(tmp_path / "build/mine")
    tally = Tally()
    assert names_of(find_sources([tmp_path], tally)) == {"a": ["a.txt"]}
    assert f"{MADE}: 2 (build/mine/; models/mine/)" in tally.lines()
    assert list(find_sources([tmp_path / "build/mine/corpus"])) == ["train-000"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root opens every folder")
def test_a_folder_that_cannot_be_opened_is_counted(tmp_path):
    filled(tmp_path, "a.txt", "closed/b.txt")
    (tmp_path / "closed").chmod(0)
    tally = Tally()
    find_sources([tmp_path], tally)
    (tmp_path / "closed").chmod(0o700)
    assert tally[CLOSED] == 1


def test_a_folder_of_other_kinds_is_refused_with_what_it_has(tmp_path):
    filled(tmp_path, "b.png")
    with pytest.raises(CorpusError, match=r"no text in .*\.parquet.*skipped: 1 \(b\.png\)"):
        find_sources([tmp_path])


def test_a_name_that_is_no_text_is_shown_with_question_marks(tmp_path):
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe\tx.txt"))).write_text("苹果")
    assert names_of(find_sources([tmp_path])) == {"???x": ["???x.txt"]}


def test_fingerprints_change_with_a_file_of_many_and_else_stay(tmp_path):
    filled(tmp_path, "news/a.txt", "news/b.txt", "one.txt")
    before = fingerprints([tmp_path])
    stat = (tmp_path / "one.txt").stat()
    assert before["one"] == [stat.st_size, stat.st_mtime_ns]
    assert fingerprints([tmp_path]) == before
    os.utime(tmp_path / "news/b.txt", ns=(1, 1))
    after = fingerprints([tmp_path])
    assert after["news"] != before["news"]
    assert after["one"] == before["one"]
    assert all(number < 2**63 for numbers in after.values() for number in numbers)


def test_packed_files_count_four_times_their_size(tmp_path):
    for name in ("a.txt", "b.GZ", "c.zip"):
        (tmp_path / name).write_bytes(b"x" * 10)
    assert text_bytes(find_sources([tmp_path]).values()) == 10 + 40 + 40
