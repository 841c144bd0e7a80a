import json
from dataclasses import replace

import h5py
import pytest
from pyarrow import parquet

from biLM.bulk.formats import LINKS
from biLM.bulk.job import EncoderSettings, Job
from biLM.bulk.ledger import FILE
from biLM.bulk.machine import embed_source
from biLM.bulk.parsers import Columns
from biLM.bulk.parts import run_folder
from biLM.bulk.sources import open_source
from biLM.bulk.transform import Wanted
from biLM.errors import SourceError
from tests.conftest import SENTENCES

JOB = Job(Columns(), Wanted(level="char", max_text_pieces=50), part_characters=60)
SKIPPING = replace(JOB, skips_refused=True)
BAD = {2: b"\xb0\xa1", 5: ("苹" * 51).encode(), 6: b"\xff"}
NUMBERS = [number for number in range(12) if number not in BAD]  # the good lines


@pytest.fixture(scope="module")
def settings(artifact_folder):
    return EncoderSettings(artifact_folder, "float32")


@pytest.fixture
def mixed(tmp_path):
    """A file of nine good lines, with bad lines among them at the places of BAD."""
    lines = [line.encode() for line in [*SENTENCES, "", *SENTENCES[:2]]]
    for place, bad in BAD.items():
        lines.insert(place, bad)
    path = tmp_path / "mixed.txt"
    path.write_bytes(b"\n".join(lines))
    return path


def run(path, out, settings, job=SKIPPING, workers=1):
    return embed_source(open_source(path, job.columns), out, job, settings, workers, lambda *_: 0)


def files(folder):
    paths = [*folder.iterdir(), *run_folder(folder).iterdir()]
    return {path.name: path.read_bytes() for path in sorted(paths)}


def refusals(folder):
    return [
        json.loads(line)
        for path in sorted(run_folder(folder).glob("refused-*.jsonl"))
        for line in path.read_text().splitlines()
    ]


def test_refused_texts_are_told_and_the_others_keep_their_numbers(mixed, tmp_path, settings):
    done = run(mixed, tmp_path / "out", settings)
    assert (done.texts, done.refused) == (12, 3)
    two, five, six = refusals(tmp_path / "out")
    assert [line["text"] for line in (two, five, six)] == [2, 5, 6]
    assert f"{mixed}, line 3: not UTF-8" in two["reason"]
    assert "line 6: the text has at least 51 pieces; the limit is 50" in five["reason"]

    good = tmp_path / "good.txt"
    lines = mixed.read_bytes().split(b"\n")
    good.write_bytes(b"\n".join(lines[number] for number in NUMBERS))
    run(good, tmp_path / "good", settings, JOB)
    assert not refusals(tmp_path / "good")
    expected = parquet.read_table(tmp_path / "good")
    found = parquet.read_table(tmp_path / "out")
    assert found["vector"].equals(expected["vector"])
    assert found["text"].to_pylist() == [NUMBERS[n] for n in expected["text"].to_pylist()]


def test_a_run_that_a_bad_line_stopped_goes_on_without_it(mixed, tmp_path, settings):
    with pytest.raises(SourceError, match=r"line 3: not UTF-8.* by --skip-refused"):
        run(mixed, tmp_path / "out", settings, JOB)
    run(mixed, tmp_path / "out", settings)
    assert [line["text"] for line in refusals(tmp_path / "out")] == list(BAD)


def test_a_folder_that_grew_line_by_line_is_that_of_an_unbroken_run(mixed, tmp_path, settings):
    job = replace(SKIPPING, part_characters=1)
    lines = mixed.read_bytes().splitlines(keepends=True)
    for length in range(1, 13):
        grown = tmp_path / "mixed" / mixed.name
        grown.parent.mkdir(exist_ok=True)
        grown.write_bytes(b"".join(lines[:length]))
        run(grown, tmp_path / "grown", settings, job)
    run(grown, tmp_path / "unbroken", settings, job)
    assert files(tmp_path / "grown") == files(tmp_path / "unbroken")


def test_what_a_killed_writer_told_without_its_part_is_removed(mixed, tmp_path, settings):
    run(mixed, tmp_path / "out", settings)
    expected = files(tmp_path / "out")
    for left in (
        "refused-00099.jsonl",
        ".refused-00000.jsonl.1f.tmp",
        ".part-00000.parquet.1f.tmp",
    ):
        (tmp_path / "out.run" / left).write_text("{}\n")
    run(mixed, tmp_path / "out", settings)
    assert files(tmp_path / "out") == expected


def test_a_refused_line_that_was_mended_is_another_text(mixed, tmp_path, settings):
    run(mixed, tmp_path / "out", settings)
    mixed.write_bytes(mixed.read_bytes().replace(b"\xb0\xa1", "啊".encode()))
    with pytest.raises(SourceError, match="are not those that vectors were written of"):
        run(mixed, tmp_path / "out", settings)


@pytest.mark.long  # test_job.py has the same of texts that can be read
def test_several_processes_tell_what_one_does(mixed, tmp_path, settings):
    run(mixed, tmp_path / "one", settings)
    run(mixed, tmp_path / "several", settings, workers=2)
    assert files(tmp_path / "several") == files(tmp_path / "one")
    told = json.loads((tmp_path / "one.run" / FILE).read_bytes())
    assert told["done"]["refused"] == 3


def test_texts_that_are_all_refused_make_files_without_rows(tmp_path, settings):
    path = tmp_path / "bad.txt"
    path.write_bytes(b"\xff\n" * 3)
    for kind in ("parquet", "hdf5"):
        done = run(path, tmp_path / kind, settings, replace(SKIPPING, kind=kind))
        assert (done.texts, done.rows, done.refused) == (3, 0, 3)
    assert parquet.read_table(tmp_path / "parquet").num_rows == 0


def test_hdf5_has_no_dataset_for_a_refused_text(mixed, tmp_path, settings):
    run(mixed, tmp_path / "out", settings, replace(SKIPPING, kind="hdf5"))
    with h5py.File(tmp_path / "out" / LINKS) as file:
        assert set(file) == set(map(str, NUMBERS))
