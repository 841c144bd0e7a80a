"""A file of texts -> its records, one after the other, each with the place it stands at.

Text has a record a line; TSV and JSON Lines, too, in one of their columns; all three may be packed
with gzip or xz. Parquet has a record a row. A file is read as its records are asked for.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

import orjson
import pyarrow
from pyarrow import parquet

from biLM.errors import SourceError
from biLM.files import Line, lines_of

PACKED = (".gz", ".xz")
ROWS_PER_BATCH = 1024


@dataclass(frozen=True)
class Columns:
    """Where a record's parts stand.

    Args:
        text: The column of the text, or of its words: by name, or in TSV by number from 0, which
            means that the first line is a record and no header. A text file has none.
        spans: The column of the spans that get a vector, each `[begin, end)` in code points.
        are_words: Whether the text column holds words: a list, or a string that blanks divide.
    """

    text: str | None = None
    spans: str | None = None
    are_words: bool = False


@dataclass(frozen=True)
class Record:
    """One text of a file.

    Args:
        number: Among all of the file, from 0.
        place: Where it stands, for messages.
        text: As it stands there, or its words.
        spans: Those that get a vector, where they are asked for.
        position: How much of the source was read up to here, in units of its size.
        refusal: Why it cannot be read; its text is then empty.
    """

    number: int
    place: str
    text: str | tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    position: int
    refusal: str = ""

    @property
    def num_characters(self) -> int:
        """Code points of the text."""
        return len(self.text) if isinstance(self.text, str) else sum(map(len, self.text))


@runtime_checkable
class Source(Protocol):
    """A file of texts.

    Args:
        size: Of the whole, in the units of a record's position.
    """

    size: int

    def __iter__(self) -> Iterator[Record]:
        """Every record, in order."""
        ...


def open_source(path: Path, columns: Columns) -> Source:
    """The source that a file is, by the end of its name.

    Raises:
        SourceError: there is no such file, or it is of no known kind, or lacks a column.
    """
    if not path.is_file():
        raise SourceError(f"{path} is no file; name one that holds texts")
    suffixes = [suffix for suffix in path.suffixes if suffix not in PACKED]
    suffix = suffixes[-1] if suffixes else ""
    if suffix == ".parquet":
        return ParquetSource(path, columns)
    if suffix not in READERS:
        known = ", ".join([*READERS, ".parquet"])
        raise SourceError(f"{path} ends in {suffix or 'no suffix'}; texts are read from {known}")
    return LineSource(path, columns, READERS[suffix])


class LineSource:
    """A file with a record a line.

    Args:
        path: Of the file.
        columns: Where the parts of a record stand.
        reader: Makes a reader of lines; it may take a header first.
    """

    def __init__(self, path: Path, columns: Columns, reader: "Reader") -> None:
        self.size = path.stat().st_size
        self._path, self._columns, self._reader = path, columns, reader

    def __iter__(self) -> Iterator[Record]:
        with self._opened() as file:
            lines = lines_of(file, self._path, SourceError)
            read = self._reader(lines, self._columns)
            for number, line in enumerate(lines):
                parts = partial(read, line)
                yield _record(number, line.place, parts, self._columns, file.tell())

    def _opened(self) -> BinaryIO:
        try:
            return self._path.open("rb")
        except OSError as error:
            raise SourceError(f"{self._path} cannot be read: {error}") from error


class ParquetSource:
    """A Parquet file, a record a row.

    Args:
        path: Of the file.
        columns: Where the parts of a record stand.

    Raises:
        SourceError: it is none, or lacks a column.
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
            _refuse_missing(str(path), name, names)

    @property
    def _names(self) -> list[str]:
        return [self._text, *([self._columns.spans] if self._columns.spans else [])]

    def __iter__(self) -> Iterator[Record]:
        for number, row in enumerate(self._rows()):
            place = f"{self._path}, row {number}"
            parts = partial(self._parts_of, row)
            yield _record(number, place, parts, self._columns, number + 1)

    def _parts_of(self, row: dict[str | None, Any]) -> "Parts":
        return row[self._text], row.get(self._columns.spans)

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


Parts = tuple[Any, Any]  # text and spans as a file has them; `_record` looks at what they are
ReadLine = Callable[[Line], Parts]
Reader = Callable[[Iterator[Line], Columns], ReadLine]


def _text_lines(_: object, columns: Columns) -> ReadLine:
    if columns.text or columns.spans:
        raise SourceError(
            f"a text file has no column {columns.text or columns.spans!r}; its lines are the texts;"
            " give TSV, JSON Lines or Parquet"
        )
    return lambda line: (line.text(SourceError), None)


def _tsv_lines(lines: Iterator[Line], columns: Columns) -> ReadLine:
    if columns.spans:
        raise SourceError("TSV has no lists of spans; give JSON Lines or Parquet")
    wanted = columns.text or "0"
    if wanted.isdecimal():
        number = int(wanted)
    else:
        header = next(lines, None)
        names = header.text(SourceError).split("\t") if header else [""]
        _refuse_missing(header.place if header else "an empty file", wanted, names)
        number = names.index(wanted)

    def read(line: Line) -> Parts:
        cells = line.text(SourceError).split("\t")
        if number >= len(cells):
            raise SourceError(
                f"{line.place}: {len(cells)} columns; the text should be in number {number},"
                " counted from 0"
            )
        return cells[number], None

    return read


def _json_lines(_: object, columns: Columns) -> ReadLine:
    wanted = columns.text or "text"

    def read(line: Line) -> Parts:
        place = line.place
        try:
            value = orjson.loads(line.text(SourceError))
        except orjson.JSONDecodeError as error:
            raise SourceError(f"{place}: not JSON: {error}") from error
        if not isinstance(value, dict):
            raise SourceError(f"{place}: a {type(value).__name__}; each line must be an object")
        for name in [wanted, *([columns.spans] if columns.spans else [])]:
            _refuse_missing(place, name, list(value))
        return value[wanted], value.get(columns.spans)

    return read


READERS: dict[str, Reader] = {".txt": _text_lines, ".tsv": _tsv_lines, ".jsonl": _json_lines}


def _refuse_missing(place: str, name: str, names: Sequence[str]) -> None:
    if name not in names:
        raise SourceError(f"{place}: there is no column {name!r}; there are {list(names)}")


def _record(
    number: int, place: str, parts: Callable[[], Parts], columns: Columns, position: int
) -> Record:
    try:
        text, spans = parts()
        checked = _words(place, text) if columns.are_words else _text(place, text)
        return Record(number, place, checked, _spans(place, spans), position)
    except SourceError as error:  # whoever asked for the records may do without this one
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
