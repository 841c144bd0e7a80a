"""Write vectors to Parquet, Arrow, or HDF5 as tools of ELMo's time read it.

An HDF5 file has a dataset for each text, named by the number of the text. It is `[rows, dim]`, or
`[layers, rows, dim]` if layers are named.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol, get_args, runtime_checkable

import h5py
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import parquet

from biLM.bulk.sources import Record
from biLM.files import sync

Format = Literal["parquet", "arrow", "hdf5"]
FORMATS: tuple[Format, ...] = get_args(Format)
LINKS = "vectors.hdf5"
Rows = Any  # a pyarrow.RecordBatch; pyarrow is published without types


@runtime_checkable
class Writer(Protocol):
    """An open file of vectors."""

    def write(self, records: Sequence[Record], rows: Rows) -> None:
        """Add the rows of these records; a record may have no rows."""
        ...


def open_writer(kind: Format, path: Path, schema: pa.Schema) -> AbstractContextManager[Writer]:
    """Open a new file of the format; leaving the context completes it."""
    return OPENERS[kind](path, schema)


class TableWriter:
    """Writes the rows of all texts one after the other."""

    def __init__(self, file: parquet.ParquetWriter | pa.RecordBatchFileWriter) -> None:
        self._file = file

    def write(self, records: Sequence[Record], rows: Rows) -> None:
        """Add rows."""
        self._file.write_batch(rows)


class Hdf5Writer:
    """Writes a dataset for each text."""

    def __init__(self, file: h5py.File) -> None:
        self._file = file

    def write(self, records: Sequence[Record], rows: Rows) -> None:
        """Add a dataset for each record, which has the record's id as an attribute."""
        layers = [_matrix(rows.column(name)) for name in _vector_columns(rows.schema)]
        vectors = layers[0] if "vector" in rows.schema.names else np.stack(layers)
        texts = rows.column("text").to_numpy()
        for record in records:
            begin, end = np.searchsorted(texts, [record.number, record.number + 1])
            dataset = self._file.create_dataset(str(record.number), data=vectors[..., begin:end, :])
            if record.id is not None:
                dataset.attrs["id"] = record.id


def link_parts(folder: Path, parts: Sequence[Path], temporary: Path) -> None:
    """Write one HDF5 file that links to the datasets of all parts, in the files beside it.

    Args:
        folder: The folder of the parts.
        parts: The parts.
        temporary: The path that the file has until it is complete.
    """
    try:
        with _hdf5_file(temporary, "w") as links:
            for part in parts:
                with _hdf5_file(part, "r") as file:
                    links.attrs["bilm"] = file.attrs["bilm"]
                    for number in file:
                        links[number] = h5py.ExternalLink(part.name, f"/{number}")
        sync(temporary)
        temporary.replace(folder / LINKS)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _parquet(path: Path, schema: pa.Schema) -> Iterator[Writer]:
    # The values of a vector neither repeat nor compress, and nobody searches by their bounds.
    vectors = set(_vector_columns(schema))
    others = [name for name in schema.names if name not in vectors]
    packing = dict.fromkeys(others, "zstd")
    packing |= {f"{name}.list.element": "none" for name in vectors}
    options = {"compression": packing, "use_dictionary": others, "write_statistics": others}
    with parquet.ParquetWriter(path, schema, **options) as file:
        yield TableWriter(file)


@contextmanager
def _arrow(path: Path, schema: pa.Schema) -> Iterator[Writer]:
    with path.open("wb") as sink, pa.ipc.new_file(sink, schema) as file:
        yield TableWriter(file)


@contextmanager
def _hdf5(path: Path, schema: pa.Schema) -> Iterator[Writer]:
    with _hdf5_file(path, "w") as file:
        file.attrs["bilm"] = schema.metadata[b"bilm"].decode()
        yield Hdf5Writer(file)


@contextmanager
def _hdf5_file(path: Path, mode: str) -> Iterator[h5py.File]:
    try:
        with h5py.File(path, mode) as file:
            yield file
    except RuntimeError as error:  # h5py raises this for some disk failures
        raise OSError(str(error)) from error


Opener = Callable[[Path, pa.Schema], AbstractContextManager[Writer]]
OPENERS: Mapping[Format, Opener] = {"parquet": _parquet, "arrow": _arrow, "hdf5": _hdf5}


def _vector_columns(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if pa.types.is_fixed_size_list(field.type)]


def _matrix(column: pa.FixedSizeListArray) -> npt.NDArray[Any]:  # float32 or float16
    matrix: npt.NDArray[Any] = column.flatten().to_numpy()
    return matrix.reshape(len(column), column.type.list_size)
