import json
import multiprocessing
import re
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from biLM.bulk.formats import LINKS
from biLM.bulk.job import EncoderSettings, Job
from biLM.bulk.ledger import FILE, sole_writer
from biLM.bulk.machine import SPAWN, Tally, embed_source
from biLM.bulk.parsers import Columns
from biLM.bulk.parts import run_folder
from biLM.bulk.sources import open_source
from biLM.bulk.transform import Wanted
from biLM.errors import BulkError, SourceError
from biLM.questions.readout import Readout
from tests.conftest import SENTENCES

JOB = Job(Columns(), Wanted(level="char"), part_characters=60)
TEXTS = [*SENTENCES, "", *SENTENCES[::-1], "苹果"]


@pytest.fixture(scope="module")
def settings(artifact_folder):
    return EncoderSettings(artifact_folder, "float32")


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(TEXTS), encoding="utf-8")
    return path


def run(path, out, settings, job=JOB, workers=1):
    told = []
    source = open_source(path, job.columns)
    done = embed_source(source, out, job, settings, workers, lambda *some: told.append(some))
    return done, told


def parts(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("part-*"))}


def test_a_folder_of_parquet_reads_as_one_table(texts, tmp_path, settings, encoder):
    done, told = run(texts, tmp_path / "out", settings)
    table = parquet.read_table(tmp_path / "out")
    asked = [encoder.chars(text) for text in TEXTS]
    expected = np.concatenate(encoder.embed(asked, [Readout(encoder.mix("default"))] * len(asked)))
    np.testing.assert_array_equal(np.array(table["vector"].to_pylist(), np.float32), expected)
    assert (done.texts, done.rows) == (len(TEXTS), len(expected)) == (len(TEXTS), table.num_rows)
    assert done.parts == len(parts(tmp_path / "out")) > 2
    assert sum(units for units, _ in told) == texts.stat().st_size
    assert sum(number for _, number in told) == len(TEXTS)
    assert b"revision" in table.schema.metadata[b"bilm"]


def test_arrow_files_hold_what_parquet_files_hold(texts, tmp_path, settings):
    run(texts, tmp_path / "parquet", settings)
    run(texts, tmp_path / "arrow", settings, replace(JOB, kind="arrow"))
    tables = []
    for path in sorted((tmp_path / "arrow").glob("part-*")):
        with pa.ipc.open_file(path) as file:
            tables.append(file.read_all())
    assert pa.concat_tables(tables).equals(parquet.read_table(tmp_path / "parquet"))


@pytest.mark.parametrize(("layers", "shape"), [(None, (-1, 24)), ((0, 2), (2, -1, 24))])
def test_one_hdf5_file_has_a_dataset_for_every_text(
    texts, tmp_path, settings, encoder, layers, shape
):
    wanted = Wanted(level="char", layers=layers)
    run(texts, tmp_path / "out", settings, replace(JOB, wanted=wanted, kind="hdf5"))
    readout = Readout(encoder.mix("default") if layers is None else layers)
    with h5py.File(tmp_path / "out" / LINKS) as file:
        assert set(file) == {str(number) for number in range(len(TEXTS))}
        for number, text in enumerate(TEXTS):
            (expected,) = encoder.embed([encoder.chars(text)], [readout])
            assert file[str(number)].shape == (*shape[:-2], len(text), 24)
            np.testing.assert_array_equal(file[str(number)][:], expected)


def test_a_run_stopped_by_a_bad_line_goes_on_once_it_is_mended(texts, tmp_path, settings):
    good = texts.read_bytes()
    texts.write_bytes(good[:-6] + b"\xff\xff" + good[-4:])
    with pytest.raises(SourceError, match=f"line {len(TEXTS)}: not UTF-8"):
        run(texts, tmp_path / "out", settings)
    before = parts(tmp_path / "out")
    assert before
    texts.write_bytes(good)
    _, told = run(texts, tmp_path / "out", settings)
    assert told[0][0] > 0 == told[0][1]  # the parts that were there
    assert 0 < sum(number for _, number in told) < len(TEXTS)
    run(texts, tmp_path / "unbroken", settings)
    assert parts(tmp_path / "out") == parts(tmp_path / "unbroken")


@pytest.mark.long
def test_several_processes_write_what_one_does(texts, tmp_path, settings):
    several, told = run(texts, tmp_path / "several", settings, workers=2)
    one, as_told = run(texts, tmp_path / "one", settings)
    assert several == one
    assert np.sum(told, axis=0).tolist() == np.sum(as_told, axis=0).tolist()
    assert parts(tmp_path / "several") == parts(tmp_path / "one")


@pytest.mark.long
def test_what_stands_before_a_bad_line_is_written_by_several_processes_too(
    texts, tmp_path, settings
):
    texts.write_bytes(texts.read_bytes() + b"\n\xff")
    told = []
    for workers in (1, 2):
        out = tmp_path / str(workers)
        with pytest.raises(SourceError, match="not UTF-8") as error:
            run(texts, out, settings, workers=workers)
        told.append((str(error.value), parts(out), (run_folder(out) / FILE).read_bytes()))
    assert told[0] == told[1]
    assert json.loads(told[0][2])["done"]["parts"] == len(told[0][1]) > 0


@pytest.mark.long
def test_a_worker_that_is_killed_is_told_and_nothing_written_is_lost(texts, tmp_path, settings):
    out = tmp_path / "out"
    many = tmp_path / "many.txt"
    many.write_text("\n".join(TEXTS * 30), encoding="utf-8")
    killed = []

    def kill_one(_, texts):
        if texts and not killed:
            killed.append(multiprocessing.active_children()[0])
            killed[0].kill()

    source = open_source(many, JOB.columns)
    with pytest.raises(BulkError, match=r"one of 2 workers was killed.*fewer --workers"):
        embed_source(source, out, JOB, settings, 2, kill_one)
    before = parts(out)
    assert before
    run(many, out, settings)
    assert before.items() <= parts(out).items()


def test_nobody_waits_for_the_lock_of_a_worker_that_was_killed():
    tally = Tally(SPAWN.Array("q", 2))
    tally.add(3, 1)
    assert tally.take() == (3, 1)
    holder = threading.Thread(target=tally.sums.get_lock().acquire)
    holder.start()
    holder.join()  # the lock stays taken
    assert tally.take() == (0, 0)


def test_a_finished_run_repeats_nothing(texts, tmp_path, settings):
    first, _ = run(texts, tmp_path / "out", settings)
    times = [path.stat().st_mtime_ns for path in (tmp_path / "out").glob("part-*")]
    again, told = run(texts, tmp_path / "out", settings)
    assert (again, told) == (first, [])
    assert times == [path.stat().st_mtime_ns for path in (tmp_path / "out").glob("part-*")]


def test_texts_added_at_the_end_are_added_to_the_folder(texts, tmp_path, settings):
    run(texts, tmp_path / "out", settings)
    with texts.open("a", encoding="utf-8") as file:
        file.write("\n手机")
    done, _ = run(texts, tmp_path / "out", settings)
    assert done.texts == len(TEXTS) + 1
    last = parquet.read_table(tmp_path / "out").filter(pa.compute.field("text") == len(TEXTS))
    assert last.num_rows == len("手机")


def test_other_texts_before_those_that_are_written_are_refused(texts, tmp_path, settings):
    run(texts, tmp_path / "out", settings)
    texts.write_text("\n".join(["别的", *TEXTS[1:]]), encoding="utf-8")
    with pytest.raises(SourceError, match=f"the first {len(TEXTS)} texts are not those"):
        run(texts, tmp_path / "out", settings)
    texts.write_text(TEXTS[0], encoding="utf-8")
    with pytest.raises(SourceError, match="are not those"):
        run(texts, tmp_path / "out", settings)


@pytest.mark.parametrize(
    ("other", "name"),
    [
        (replace(JOB, kind="arrow"), "kind"),
        (replace(JOB, part_characters=61), "part_characters"),
        (replace(JOB, wanted=Wanted(level="char", layers=(1,))), "layers"),
        (replace(JOB, columns=Columns("body")), "columns"),
    ],
)
def test_a_folder_of_other_vectors_is_refused(texts, tmp_path, settings, other, name):
    run(texts, tmp_path / "out", settings)
    with pytest.raises(BulkError, match=f"has vectors with {name} "):
        run(texts, tmp_path / "out", settings, other)


def test_files_without_an_account_are_refused_and_so_is_a_torn_account(texts, tmp_path, settings):
    out = tmp_path / "out"
    run(texts, out, settings)
    account = run_folder(out) / FILE
    account.write_text(json.dumps({**json.loads(account.read_text()), "version": 1}))
    with pytest.raises(BulkError, match="is of version 1, not 2; choose another --out"):
        run(texts, out, settings)
    account.write_text("{")
    with pytest.raises(BulkError, match="cannot be read"):
        run(texts, out, settings)
    account.unlink()
    before = parts(out)
    with pytest.raises(
        BulkError, match=r"part-00000.parquet is there, but the notes in .*out\.run"
    ):
        run(texts, out, settings)
    assert parts(out) == before


def test_a_mix_that_changed_its_numbers_is_another(texts, tmp_path, artifact_folder):
    mixes, job = tmp_path / "mixes.json", replace(JOB, wanted=Wanted(level="char", mix="mine"))
    mixes.write_text('{"mine": {"weights": [1, 0, 0]}}')
    run(texts, tmp_path / "out", EncoderSettings(artifact_folder, "float32", mixes), job)
    mixes.write_text('{"mine": {"weights": [0, 1, 0]}}')
    with pytest.raises(BulkError, match="has vectors with mix "):
        run(texts, tmp_path / "out", EncoderSettings(artifact_folder, "float32", mixes), job)


@pytest.fixture
def killed(texts, tmp_path, settings, monkeypatch):
    """Return the folder of a run that was killed before it could count a part it had written."""
    monkeypatch.setattr("biLM.bulk.ledger.Ledger.add", _die)
    with pytest.raises(KeyboardInterrupt):
        run(texts, tmp_path / "out", settings)
    monkeypatch.undo()
    assert parts(tmp_path / "out")
    return tmp_path / "out"


def _die(*_):
    raise KeyboardInterrupt


def test_parts_that_a_killed_run_did_not_count_are_written_again(texts, tmp_path, settings, killed):
    other = replace(JOB, kind="arrow")  # nothing was counted, so the options may change
    run(texts, killed, settings, other)
    run(texts, tmp_path / "unbroken", settings, other)
    assert parts(killed) == parts(tmp_path / "unbroken")
    assert sorted(path.name for path in run_folder(killed).iterdir()) == [FILE, "lock"]


def moved_from_another_run(texts, tmp_path, settings, out):
    run(texts, tmp_path / "other", settings, replace(JOB, wanted=Wanted(level="text")))
    for path in (tmp_path / "other").glob("part-*"):
        path.rename(out / path.name)
    return parts(out)


def test_a_run_that_wrote_nothing_does_not_remove_parts_of_another(texts, tmp_path, settings):
    out = tmp_path / "out"
    with pytest.raises(SourceError):
        run(texts, out, settings, replace(JOB, wanted=Wanted(level="char", max_text_pieces=1)))
    moved = moved_from_another_run(texts, tmp_path, settings, out)
    with pytest.raises(BulkError, match=r"another run wrote it; move it .* choose another --out"):
        run(texts, out, settings)
    assert parts(out) == moved


def test_a_part_of_another_run_is_kept_under_the_name_of_one_that_was_not_counted(
    texts, tmp_path, settings, killed
):
    moved = moved_from_another_run(texts, tmp_path, settings, killed)
    with pytest.raises(BulkError, match=r"part-00000.parquet is there, but .* another run wrote"):
        run(texts, killed, settings)
    assert parts(killed) == moved


def test_a_part_of_another_run_is_kept_beside_counted_ones_and_the_ledger_as_it_was(
    texts, tmp_path, settings
):
    out = tmp_path / "out"
    run(texts, out, settings)
    ledger = (run_folder(out) / FILE).read_bytes()
    (out / "part-00077.parquet").write_bytes(b"of another run")
    truncating = replace(JOB, wanted=Wanted(level="char", truncate="left"))
    with pytest.raises(BulkError, match=r"part-00077.parquet is there, but .* another run wrote"):
        run(texts, out, settings, truncating)
    assert (out / "part-00077.parquet").read_bytes() == b"of another run"
    assert (run_folder(out) / FILE).read_bytes() == ledger


def test_a_file_that_is_gone_is_told(texts, tmp_path, settings):
    run(texts, tmp_path / "out", settings)
    (tmp_path / "out" / "part-00001.parquet").unlink()
    with pytest.raises(BulkError, match=r"part-00001\.parquet was written and is gone"):
        run(texts, tmp_path / "out", settings)


def test_after_the_folder_was_removed_the_message_says_how_to_begin_again(
    texts, tmp_path, settings
):
    out = tmp_path / "out"
    run(texts, out, settings)
    shutil.rmtree(out)
    remedy = f"remove both {out} and {run_folder(out)} to begin again"
    with pytest.raises(BulkError, match=re.escape(remedy)):
        run(texts, out, settings)
    shutil.rmtree(out)
    shutil.rmtree(run_folder(out))
    run(texts, out, settings)
    assert parts(out)


def test_links_that_cannot_be_written_are_told(texts, tmp_path, settings, monkeypatch):
    def full_disk(*_):
        raise RuntimeError("Unable to flush file's cached information")

    monkeypatch.setattr("biLM.bulk.formats.h5py.ExternalLink", full_disk)
    with pytest.raises(BulkError, match=r"vectors\.hdf5 cannot be written: Unable to flush"):
        run(texts, tmp_path / "out", settings, replace(JOB, kind="hdf5"))
    assert not list((tmp_path / "out.run").glob(".*"))


@pytest.mark.parametrize("kind", ["parquet", "arrow", "hdf5"])
def test_a_folder_of_nothing_binds_to_nothing(texts, tmp_path, settings, kind):
    short = replace(JOB, wanted=Wanted(level="char", max_text_pieces=1), kind=kind)
    with pytest.raises(SourceError, match="ask for --truncate right or left"):
        run(texts, tmp_path / "out", settings, short)
    assert not parts(tmp_path / "out")
    other = Wanted(level="text", max_text_pieces=1, truncate="right", center=True)
    done, _ = run(texts, tmp_path / "out", settings, replace(JOB, wanted=other))
    assert done.rows == len(TEXTS)


@pytest.mark.parametrize("remedy", [{"truncate": "left"}, {"max_text_pieces": 199}])
def test_the_remedy_for_a_long_text_is_possible_after_others_were_written(
    texts, tmp_path, settings, remedy
):
    texts.write_text("\n".join(["苹果手机" * 2] * 9 + [SENTENCES[0] * 9]), encoding="utf-8")
    first = Wanted(level="char", max_text_pieces=20)
    with pytest.raises(
        SourceError, match=r"line 10: the text has at least .* ask for --truncate right"
    ):
        run(texts, tmp_path / "out", settings, replace(JOB, wanted=first))
    before = parts(tmp_path / "out")
    assert before
    job = replace(JOB, wanted=replace(first, **remedy))
    done, _ = run(texts, tmp_path / "out", settings, job)
    assert done.texts == 10
    assert before.items() <= parts(tmp_path / "out").items()
    run(texts, tmp_path / "at-once", settings, job)
    found, expected = (parquet.read_table(tmp_path / name) for name in ("out", "at-once"))
    assert found.equals(expected)
    with pytest.raises(BulkError, match="has vectors with "):  # what was cut cannot be made whole
        run(texts, tmp_path / "out", settings, replace(JOB, wanted=first))


def test_options_of_long_texts_do_not_change_once_a_text_was_refused(texts, tmp_path, settings):
    job = replace(JOB, wanted=Wanted(level="char", max_text_pieces=9), skips_refused=True)
    done, _ = run(texts, tmp_path / "out", settings, job)
    assert done.refused
    with pytest.raises(BulkError, match="has vectors with max_text_pieces 9, not 99"):
        run(
            texts,
            tmp_path / "out",
            settings,
            replace(job, wanted=Wanted(level="char", max_text_pieces=99)),
        )


@pytest.mark.parametrize("kind", ["parquet", "arrow", "hdf5"])
def test_a_source_without_texts_is_an_empty_table_until_it_has_some(
    texts, tmp_path, settings, kind
):
    whole = texts.read_bytes()
    texts.write_bytes(b"")
    job, out = replace(JOB, kind=kind), tmp_path / "out"
    for _ in range(2):
        done, _ = run(texts, out, settings, job)
        assert (done.parts, done.texts, done.rows) == (0, 0, 0)
        assert list(parts(out)) == [f"part-00000.{kind}"]
    if kind == "parquet":
        table = parquet.read_table(out)
        assert table.num_rows == 0
        assert table.schema.names == ["text", "begin", "end", "num_pieces", "vector"]
    if kind == "hdf5":
        with h5py.File(out / LINKS) as file:
            assert not len(file)
    texts.write_bytes(whole)
    run(texts, out, settings, job)
    run(texts, tmp_path / "at-once", settings, job)
    assert parts(out) == parts(tmp_path / "at-once")


def test_a_row_says_how_many_pieces_it_has_and_one_without_is_zero(texts, tmp_path, settings):
    texts.write_text("苹果\n\n\u200b\n", encoding="utf-8")
    for level in ("text", "char"):
        job = replace(JOB, wanted=Wanted(level=level, center=True, normalize=True))
        run(texts, tmp_path / level, settings, job)
        table = parquet.read_table(tmp_path / level)
        lengths = np.linalg.norm(np.array(table["vector"].to_pylist(), np.float32), axis=1)
        has_pieces = [number > 0 for number in table["num_pieces"].to_pylist()]
        assert (lengths > 0).tolist() == has_pieces
    assert parquet.read_table(tmp_path / "text")["num_pieces"].to_pylist()[1] == 0


def test_progress_moves_within_a_part(texts, tmp_path, settings, monkeypatch):
    monkeypatch.setattr("biLM.bulk.parts.CALL_CHARACTERS", 50)
    monkeypatch.setattr("biLM.bulk.machine.REPORT_S", 0)
    done, told = run(texts, tmp_path / "out", settings, replace(JOB, part_characters=10_000))
    assert done.parts == 1
    assert len([number for _, number in told if number]) > 1
    assert np.sum(told, axis=0).tolist() == [texts.stat().st_size, len(TEXTS)]


@pytest.mark.parametrize(
    ("level", "columns"),
    [("span", Columns()), ("char", Columns(spans="at")), ("word", Columns())],
)
def test_a_level_without_its_column_is_refused(level, columns):
    with pytest.raises(BulkError, match="goes with"):
        Job(columns, Wanted(level=level))


def test_a_mount_point_is_refused_because_nothing_can_stand_beside_it(texts, settings):
    with pytest.raises(BulkError, match=r"/proc is a mount point.*such as --out /proc/vectors"):
        run(texts, Path("/proc"), settings)


def test_two_runs_do_not_write_into_one_folder(texts, tmp_path, settings):
    remedy = "another run writes to .*; wait for its end, or choose another --out"
    with sole_writer(tmp_path / "out"), pytest.raises(BulkError, match=remedy):
        run(texts, tmp_path / "out", settings)


def test_a_folder_that_cannot_be_made_is_told(texts, tmp_path, settings):
    (tmp_path / "file").touch()
    with pytest.raises(BulkError, match=r"cannot be written to: .*; choose another --out"):
        run(texts, tmp_path / "file" / "out", settings)


def test_a_full_disk_keeps_the_finished_files_and_no_half_one(
    texts, tmp_path, settings, monkeypatch
):
    out = tmp_path / "out"

    def full_disk(file):
        if file.name.startswith(".part-") and file.name > ".part-00003":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("biLM.files.sync", full_disk)
    with pytest.raises(BulkError, match=r"part-00003.parquet cannot be written: .*No space left"):
        run(texts, out, settings)
    assert not list(run_folder(out).glob(".*"))
    assert sorted(parts(out)) == [f"part-0000{number}.parquet" for number in range(3)]
    monkeypatch.undo()
    run(texts, out, settings)
    run(texts, tmp_path / "unbroken", settings)
    assert parts(out) == parts(tmp_path / "unbroken")


def test_what_a_killed_writer_left_is_removed(texts, tmp_path, settings):
    out = tmp_path / "out"
    run_folder(out).mkdir()
    (run_folder(out) / ".part-00000.parquet.0.tmp").touch()
    run(texts, out, settings)
    assert not list(run_folder(out).glob(".*"))


def test_another_model_on_another_machine_is_told(settings):
    with pytest.raises(BulkError, match="on one machine and sha256:other on another"):
        replace(settings, revision="sha256:other").load()


def test_a_folder_from_before_there_was_a_choice_of_device_goes_on(texts, tmp_path, settings):
    out = tmp_path / "out"
    run(texts, out, settings)
    path = run_folder(out) / FILE
    ledger = json.loads(path.read_bytes())
    assert ledger["asked"].pop("device") == "cpu"
    path.write_text(json.dumps(ledger))
    run(texts, out, settings)
    with pytest.raises(BulkError, match="device 'cpu', not 'meta'"):
        run(texts, out, replace(settings, device="meta"))


def test_a_device_that_is_not_there_is_refused_before_anything_is_written(
    texts, tmp_path, settings
):
    with pytest.raises(BulkError, match=r"the device is 'warp:3'.* leave out --device"):
        run(texts, tmp_path / "out", replace(settings, device="warp:3"))
    assert not (tmp_path / "out").exists()
