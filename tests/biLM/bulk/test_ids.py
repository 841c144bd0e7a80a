"""The caller's own ids, from every kind of file to every kind of output."""

import json

import h5py
import pyarrow as pa
import pytest
from pyarrow import parquet

from biLM.bulk.job import EncoderSettings, Job
from biLM.bulk.machine import embed_source
from biLM.bulk.parsers import Columns
from biLM.bulk.parts import run_folder
from biLM.bulk.sources import open_source
from biLM.bulk.transform import Wanted
from biLM.errors import SourceError

COLUMNS = Columns(id="key")
FILES = {
    "integer": ('{"key": 7, "text": "好"}\n{"key": 7, "text": "苹果"}\n', [7, 7]),
    "string": ('{"key": "a7", "text": "好"}\n{"key": "", "text": "x"}\n', ["a7", None]),
}


def read(path, data, columns=COLUMNS):
    path.write_text(data, encoding="utf-8")
    return open_source(path, columns)


def run(source, out, artifact_folder, columns=COLUMNS, **options):
    job = Job(columns, Wanted(level="char"), part_characters=1, skips_refused=True, **options)
    return embed_source(source, out, job, EncoderSettings(artifact_folder, "float32"), 1, print)


@pytest.mark.parametrize("kind", FILES)
def test_the_ids_of_json_lines_are_all_of_the_type_of_the_first(tmp_path, kind):
    data, ids = FILES[kind]
    source = read(tmp_path / "a.jsonl", data)
    assert source.id_kind() == kind
    assert [record.id for record in source] == ids


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("null", "line 2: the id is missing; give each record one"),
        ('"b"', "line 2: the id is a str, and the first one is an integer; give all of them one"),
        ("1.0", "line 2: the id is a float; it must be an integer or string"),
        ("true", "line 2: the id is a bool"),
        ("9223372036854775808", "beyond 64 bits; make it a string"),
    ],
)
def test_an_id_that_cannot_be_is_refused_with_its_line(tmp_path, value, told):
    rows = "".join(f'{{"key": {key}, "text": "a"}}\n' for key in (1, value, 3))
    first, refused, last = read(tmp_path / "a.jsonl", rows)
    assert told in refused.refusal
    assert (first.id, last.id) == (1, 3)


def test_a_line_without_the_column_of_ids_is_refused(tmp_path):
    (record,) = read(tmp_path / "a.jsonl", '{"text": "a"}\n')
    assert "line 1: there is no column 'key'; there are ['text']" in record.refusal


def test_ids_of_csv_and_tsv_are_strings_as_they_stand(tmp_path):
    source = read(tmp_path / "a.csv", "key,text\n007,a\n7,b\n,c\n")
    assert source.id_kind() == "string"
    assert [record.id for record in source] == ["007", "7", None]
    assert "line 4: the id is missing" in list(source)[2].refusal
    source = read(tmp_path / "a.tsv", "a\t1\nb\t2\n", Columns("0", id="1"))
    assert [record.id for record in source] == ["1", "2"]


@pytest.mark.parametrize(
    ("ids", "kind"),
    [
        (pa.array([1, 2], pa.int8()), "integer"),
        (pa.array(["a", "b"], pa.large_string()), "string"),
        (pa.array(["a", "b"]).dictionary_encode(), "string"),
    ],
)
def test_ids_of_parquet_have_the_type_of_their_column(tmp_path, ids, kind):
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"key": ids, "text": ["x", "y"]}), path)
    source = open_source(path, COLUMNS)
    assert source.id_kind() == kind
    assert [record.id for record in source] == ids.to_pylist()


def test_ids_of_parquet_that_are_numbers_with_fractions_are_refused(tmp_path):
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"key": [1.0, None], "text": ["x", "y"]}), path)
    with pytest.raises(SourceError, match="the ids in 'key' are double; make them int64 or string"):
        open_source(path, COLUMNS).id_kind()


@pytest.mark.parametrize(("kind", "type_"), [("integer", pa.int64()), ("string", pa.string())])
def test_every_row_has_the_id_of_its_text_in_every_part(tmp_path, artifact_folder, kind, type_):
    run(read(tmp_path / "a.jsonl", FILES[kind][0]), tmp_path / "out", artifact_folder)
    table = parquet.read_table(tmp_path / "out")
    assert table.schema.names[:2] == ["text", "id"]
    assert table.schema.field("id").type == type_
    texts = {"integer": ["好", "苹果"], "string": ["好"]}[kind]
    expected = [own for own, text in zip(FILES[kind][1], texts, strict=False) for _ in text]
    assert table["id"].to_pylist() == expected
    schemas = [parquet.read_schema(path) for path in sorted((tmp_path / "out").iterdir())]
    assert len(schemas) == 2
    assert all(schema.equals(schemas[0], check_metadata=True) for schema in schemas)


def test_a_refused_text_is_listed_with_its_id(tmp_path, artifact_folder):
    source = read(tmp_path / "a.jsonl", '{"key": 5, "text": null}\n{"key": 6, "text": "a"}\n')
    run(source, tmp_path / "out", artifact_folder)
    (path,) = run_folder(tmp_path / "out").glob("refused-*")
    told = json.loads(path.read_text("utf-8"))
    assert (told["text"], told["id"]) == (0, 5)
    assert "the text is missing" in told["reason"]


def test_hdf5_has_the_id_as_an_attribute(tmp_path, artifact_folder):
    source = read(tmp_path / "a.jsonl", FILES["string"][0])
    run(source, tmp_path / "out", artifact_folder, kind="hdf5")
    with h5py.File(tmp_path / "out" / "vectors.hdf5") as file:
        assert {name: dataset.attrs["id"] for name, dataset in file.items()} == {"0": "a7"}


def test_other_ids_are_other_texts(tmp_path, artifact_folder):
    run(read(tmp_path / "a.jsonl", FILES["integer"][0]), tmp_path / "out", artifact_folder)
    changed = FILES["integer"][0].replace('{"key": 7, "text": "好"', '{"key": 8, "text": "好"')
    with pytest.raises(SourceError, match="are not those that vectors were written of"):
        run(read(tmp_path / "a.jsonl", changed), tmp_path / "out", artifact_folder)
