"""Read the records of a file of texts, each with its place in the file.

In a text file every line is a record; in CSV, TSV and JSON Lines a record has its text in one of
its columns. All four may be compressed with gzip or xz. In Parquet every row is a record. Records
are read from the file only when they are requested.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import pyarrow
from pyarrow import parquet

from biLM.bulk.lines import lines_of, text_encoding
from biLM.bulk.parsers import PARSERS, Columns, Parser, Parts, refuse_missing
from biLM.errors import SourceError

PACKED = (".gz", ".xz")
ROWS_PER_BATCH = 1024
Id = int | str
IdKind = Literal["integer", "string"]


@dataclass(frozen=True)
class Record:
    """One text of a file.

    Args:
        number: The number of the record in the file, from 0.
        place: Where the record is, for messages.
        text: The text as it is in the file, or its words.
        spans: The spans that get a vector, if spans are requested.
        position: How much of the source has been read up to here, in units of its size.
        refusal: Why the record cannot be read, in which case its text is empty.
        id: The caller's own id, if a column has it.
    """

    number: int
    place: str
    text: str | tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    position: int
    refusal: str = ""
    id: Id | None = None

    @property
    def num_characters(self) -> int:
        """The number of code points in the text."""
        return len(self.text) if isinstance(self.text, str) else sum(map(len, self.text))


@runtime_checkable
class Source(Protocol):
    """A file of texts.

    Args:
        size: The size of the whole file, in the units of a record's position.
        unit: That unit, as a progress bar names it.
    """

    size: int
    unit: str

    def id_kind(self) -> IdKind | None:
        """Return the type of every id; None if no column of ids is named."""
        ...

    def __iter__(self) -> Iterator[Record]:
        """Yield every record, in order."""
        ...


def open_source(path: Path, columns: Columns, encoding: str | None = None) -> Source:
    """Return the source for a file, chosen by the suffix of its name, in upper or lower case.

    Args:
        path: The file.
        columns: The columns that the parts of a record are in.
        encoding: The encoding of a file of lines; None means what its byte order mark says, and
            UTF-8 without one.

    Raises:
        SourceError: there is no such file, it is of no known kind, or it lacks a column, or there
            is no such encoding.
    """
    if not path.is_file():
        raise SourceError(_no_file(path))
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in PACKED]
    suffix = suffixes[-1] if suffixes else ""
    if suffix == ".parquet":
        if encoding:
            raise SourceError(f"{path} is Parquet, which is in UTF-8; leave --text-encoding out")
        return ParquetSource(path, columns)
    if suffix not in PARSERS:
        known = ", ".join([*PARSERS, ".parquet"])
        raise SourceError(f"{path} ends in {suffix or 'no suffix'}; texts are read from {known}")
    return LineSource(path, columns, PARSERS[suffix], encoding and text_encoding(encoding))


class LineSource:
    """A file of lines.

    Args:
        path: The file.
        columns: The columns that the parts of a record are in.
        parser: The parser for the kind of file.
        encoding: The codec of the file; None means what its byte order mark says, or UTF-8.
    """

    unit = "B"

    def __init__(
        self, path: Path, columns: Columns, parser: Parser, encoding: str | None = None
    ) -> None:
        self.size = path.stat().st_size
        self._path, self._columns, self._parser = path, columns, parser
        self._encoding = encoding

    def __iter__(self) -> Iterator[Record]:
        checked = _Checked(self._columns)
        with self._opened() as file:
            lines = lines_of(file, self._path, self._encoding)
            for number, (place, parts) in enumerate(self._parser(self._columns, lines)):
                yield checked.record(number, place, parts, file.tell())

    def id_kind(self) -> IdKind | None:
        """Return the type of the first id, which all must have; a string if there is none."""
        if self._columns.id is None:
            return None
        ids = (record.id for record in self if record.id is not None)
        return "integer" if isinstance(next(ids, ""), int) else "string"

    def _opened(self) -> BufferedReader:
        try:
            return self._path.open("rb")
        except OSError as error:
            raise SourceError(f"{self._path} cannot be read: {error}") from error


class ParquetSource:
    """A Parquet file with one record per row.

    Args:
        path: The file.
        columns: The columns that the parts of a record are in.

    Raises:
        SourceError: the file is not Parquet, or lacks a column.
    """

    unit = " rows"

    def __init__(self, path: Path, columns: Columns) -> None:
        self._path, self._columns = path, columns
        self._text = columns.text or "text"
        try:
            with parquet.ParquetFile(path) as file:
                self.size, self._schema = file.metadata.num_rows, file.schema_arrow
        except (pyarrow.ArrowException, OSError) as error:
            raise SourceError(f"{path} cannot be read as Parquet: {error}") from error
        for name in self._names:
            refuse_missing(str(path), name, self._schema.names)

    @property
    def _names(self) -> list[str]:
        others = [name for name in (self._columns.spans, self._columns.id) if name]
        return [self._text, *others]

    def id_kind(self) -> IdKind | None:
        """Return the type of the column of ids.

        Raises:
            SourceError: it is neither an integer nor a string.
        """
        if self._columns.id is None:
            return None
        kind = self._schema.field(self._columns.id).type
        if pyarrow.types.is_dictionary(kind):
            kind = kind.value_type
        if pyarrow.types.is_integer(kind):
            return "integer"
        if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind):
            return "string"
        raise SourceError(
            f"{self._path}: the ids in {self._columns.id!r} are {kind}; make them int64 or string"
        )

    def __iter__(self) -> Iterator[Record]:
        checked = _Checked(self._columns)
        spans, ids = self._columns.spans or "", self._columns.id or ""
        for number, row in enumerate(self._rows()):
            place = f"{self._path}, row {number}"
            parts = Parts(row[self._text], row.get(spans), row.get(ids))
            yield checked.record(number, place, parts, number + 1)

    def _rows(self) -> Iterator[dict[str, Any]]:
        number = 0
        try:
            with parquet.ParquetFile(self._path) as file:
                for batch in file.iter_batches(ROWS_PER_BATCH, columns=self._names):
                    rows = batch.to_pylist()
                    yield from rows
                    number += len(rows)
        except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
            message = f"{self._path}, after row {number - 1}: cannot be read: {error}"
            raise SourceError(message) from error


def _no_file(path: Path) -> str:
    if path.name == "-":
        return (
            "texts are not read from standard input, because a run that resumes reads them again;"
            " write them to a file and name it"
        )
    if path.is_dir():
        return (
            f"{path} is a folder; name one file, and embed each of several into an --out of its own"
        )
    return f"{path} is not a file; name one that holds texts"


class _Checked:
    """Makes records of parts whose types it has checked.

    Args:
        columns: The columns that the parts come from.
    """

    def __init__(self, columns: Columns) -> None:
        self._are_words, self._have_ids = columns.are_words, columns.id is not None
        self._id_type: type[int] | type[str] | None = None

    def record(self, number: int, place: str, parts: Parts | SourceError, position: int) -> Record:
        """Return the record; if it is refused, without its text, but with its id."""
        own_id = None
        try:
            if isinstance(parts, SourceError):
                raise parts
            own_id = self._id(place, parts.id) if self._have_ids else None
            text = _words(place, parts.text) if self._are_words else _text(place, parts.text)
            return Record(number, place, text, _spans(place, parts.spans), position, id=own_id)
        except SourceError as error:
            return Record(number, place, "", (), position, refusal=str(error), id=own_id)

    def _id(self, place: str, value: object) -> Id:
        if value is None or value == "":
            raise SourceError(f"{place}: the id is missing; give each record one")
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise SourceError(f"{place}: the id is {_told(value)}; it must be an integer or string")
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            raise SourceError(f"{place}: the id {value} is beyond 64 bits; make it a string")
        self._id_type = self._id_type or type(value)
        if not isinstance(value, self._id_type):
            first = "an integer" if self._id_type is int else "a string"
            raise SourceError(
                f"{place}: the id is {_told(value)}, and the first one is {first}; give all of"
                " them one type"
            )
        return value


def _text(place: str, value: object) -> str:
    if not isinstance(value, str):
        raise SourceError(f"{place}: the text is {_told(value)}; it must be a string")
    return value


def _words(place: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.split())
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise SourceError(
            f"{place}: the words are {_told(value)}; they must be a list of strings, or a string"
            " that blanks divide"
        )
    return tuple(value)


def _spans(place: str, value: object) -> tuple[tuple[int, int], ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(map(_is_span, value)):
        raise SourceError(
            f"{place}: the spans are {_told(value)}; they must be a list of [begin, end]"
        )
    return tuple((begin, end) for begin, end in value)


def _is_span(value: object) -> bool:
    return isinstance(value, list) and [type(place) for place in value] == [int, int]


def _told(value: object) -> str:
    if value is None:
        return "missing"
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
