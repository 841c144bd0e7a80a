"""What other programs make of a folder of vectors: every file in it is a file of the table."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import dataset, parquet

from biLM.bulk.job import EncoderSettings, Job
from biLM.bulk.machine import embed_source
from biLM.bulk.parsers import Columns
from biLM.bulk.sources import open_source
from biLM.bulk.transform import Wanted
from tests.conftest import SENTENCES

COLUMNS = ["text", "id", "begin", "end", "num_pieces", "vector"]


@pytest.fixture(scope="module")
def folder(artifact_folder, tmp_path_factory):
    """Vectors in several files, some of them without rows, after a run that refused texts."""
    base = tmp_path_factory.mktemp("readers")
    rows = [f"{number},{text}" for number, text in enumerate(SENTENCES)]
    bad = ["7"] * 3  # without the column of the text
    (base / "texts.csv").write_text("\n".join(["key,text", *rows, *bad, rows[0]]), "utf-8")
    columns = Columns("text", id="key")
    job = Job(columns, Wanted(level="text"), part_characters=1, skips_refused=True)
    source = open_source(base / "texts.csv", columns)
    embed_source(source, base / "out", job, EncoderSettings(artifact_folder), 1, lambda *_: None)
    return base / "out"


def test_a_folder_has_files_of_one_kind_and_of_one_schema(folder):
    # Polars reads every file below a folder that is not empty, hidden or not, and refuses a
    # folder in which two of them end differently.
    paths = sorted(path for path in folder.rglob("*") if path.stat().st_size)
    assert len(paths) == 10
    assert {path.suffix for path in paths} == {".parquet"}
    schemas = [parquet.read_schema(path) for path in paths]
    assert all(schema.equals(schemas[0], check_metadata=True) for schema in schemas)
    assert sorted({parquet.read_metadata(path).num_rows for path in paths}) == [0, 1]


def test_pyarrow_and_pandas_read_the_folder_as_one_table(folder):
    table = parquet.read_table(folder)
    assert table.schema.names == COLUMNS
    assert table["text"].to_pylist() == [*range(6), 9]
    assert dataset.dataset(folder).to_table().equals(table)
    frame = pd.read_parquet(folder)
    assert frame["id"].tolist() == [*map(str, range(6)), "0"]
    vectors = np.stack(frame["vector"])
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors[0], vectors[-1])


def test_polars_and_duckdb_read_the_folder_where_they_are_installed(folder):
    polars = pytest.importorskip("polars")
    assert polars.read_parquet(folder).columns == COLUMNS
    duckdb = pytest.importorskip("duckdb")
    assert duckdb.sql(f"select count(*) from '{folder}/*.parquet'").fetchone() == (7,)


@pytest.mark.long
@pytest.mark.filterwarnings("default")  # Ray's own warnings
def test_ray_reads_the_folder_as_one_table(folder):
    ray = pytest.importorskip("ray")
    ray.init(address="local", num_cpus=1, log_to_driver=False)
    try:
        found = ray.data.read_parquet(str(folder)).sort("text").to_pandas()
    finally:
        ray.shutdown()
    assert found["text"].tolist() == [*range(6), 9]
    assert list(found.columns) == COLUMNS
    assert pa.types.is_fixed_size_list(parquet.read_schema(next(folder.iterdir())).types[-1])
