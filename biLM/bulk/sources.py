"""Read the records of a file of texts, each with its place in the file.

In a text file every line is a record; in TSV and JSON Lines every line has the text of a record in
one of its columns. All three may be compressed with gzip or xz. In Parquet every row is a record.
Records are read from the file only when they are requested.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

import pyarrow
from pyarrow import parquet

from biLM.bulk.parsers import PARSERS, Columns, Parser, Parts, refuse_missing
from biLM.errors import SourceError
from biLM.files import lines_of

PACKED = (".gz", ".xz")
ROWS_PER_BATCH = 1024


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
    """

    number: int
    place: str
    text: str | tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    position: int
    refusal: str = ""

    @property
    def num_characters(self) -> int:
        """The number of code points in the text."""
        return len(self.text) if isinstance(self.text, str) else sum(map(len, self.text))


@runtime_checkable
class Source(Protocol):
    """A file of texts.

    Args:
        size: The size of the whole file, in the units of a record's position.
    """

    size: int

    def __iter__(self) -> Iterator[Record]:
        """Yield every record, in order."""
        ...


def open_source(path: Path, columns: Columns) -> Source:
    """Return the source for a file, chosen by the suffix of its name.

    Raises:
        SourceError: there is no such file, it is of no known kind, or it lacks a column.
    """
    if not path.is_file():
        raise SourceError(f"{path} is no file; name one that holds texts")
    suffixes = [suffix for suffix in path.suffixes if suffix not in PACKED]
    suffix = suffixes[-1] if suffixes else ""
    if suffix == ".parquet":
        return ParquetSource(path, columns)
    if suffix not in PARSERS:
        known = ", ".join([*PARSERS, ".parquet"])
        raise SourceError(f"{path} ends in {suffix or 'no suffix'}; texts are read from {known}")
    return LineSource(path, columns, PARSERS[suffix])


class LineSource:
    """A file with one record per line.

    Args:
        path: The file.
        columns: The columns that the parts of a record are in.
        parser: The parser for the kind of file.
    """

    def __init__(self, path: Path, columns: Columns, parser: type[Parser]) -> None:
        self.size = path.stat().st_size
        self._path, self._columns, self._parser = path, columns, parser

    def __iter__(self) -> Iterator[Record]:
        with self._opened() as file:
            lines = lines_of(file, self._path, SourceError)
            parser = self._parser(self._columns, lines)
            for number, line in enumerate(lines):
                try:
                    parts = parser.parse(line)
                except SourceError as error:
                    record = _refused(number, line.place, error, file.tell())
                else:
                    record = _record(number, line.place, parts, self._columns, file.tell())
                yield record

    def _opened(self) -> BinaryIO:
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

    def __init__(self, path: Path, columns: Columns) -> None:
        self._path, self._columns = path, columns
        self._text = columns.text or "text"
        try:
            with parquet.ParquetFile(path) as file:
                self.size, names = file.metadata.num_rows, file.schema_arrow.names
        except (pyarrow.ArrowException, OSError) as error:
            raise SourceError(f"{path} cannot be read as Parquet: {error}") from error
        for name in self._names:
            refuse_missing(str(path), name, names)

    @property
    def _names(self) -> list[str]:
        return [self._text, *([self._columns.spans] if self._columns.spans else [])]

    def __iter__(self) -> Iterator[Record]:
        for number, row in enumerate(self._rows()):
            place = f"{self._path}, row {number}"
            parts = row[self._text], row.get(self._columns.spans)
            yield _record(number, place, parts, self._columns, number + 1)

    def _rows(self) -> Iterator[dict[str | None, Any]]:
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


def _record(number: int, place: str, parts: Parts, columns: Columns, position: int) -> Record:
    text, spans = parts
    try:
        checked = _words(place, text) if columns.are_words else _text(place, text)
        return Record(number, place, checked, _spans(place, spans), position)
    except SourceError as error:
        return _refused(number, place, error, position)


def _refused(number: int, place: str, error: SourceError, position: int) -> Record:
    """Return the record without its text, because the caller may do without it."""
    return Record(number, place, "", (), position, refusal=str(error))


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
    return "missing" if value is None else f"a {type(value).__name__}"
