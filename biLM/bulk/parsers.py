"""Find the text, the spans and the id of each record in the lines of a file."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from biLM.bulk.lines import MAX_LINE_BYTES, Line
from biLM.errors import SourceError


class Parts(NamedTuple):
    """The parts of a record as the file has them; the source checks their types."""

    text: Any
    spans: Any = None
    id: Any = None


# A message shows at most this many names of columns, and this many characters of each.
MOST_NAMES, LONGEST_NAME = 20, 40
# This many blank lines before the first row may wait in memory to learn whether they are texts.
MOST_BLANK = 1 << 16


@dataclass(frozen=True)
class Columns:
    """The columns that the parts of a record are in.

    Args:
        text: The column of the text or of its words, by name. In TSV and CSV it may be a number
            from 0, which means that the first line is a record and not a header. A text file has no
            columns.
        spans: The column of the spans that get a vector, each `[begin, end)` in code points.
        are_words: Whether the text column contains words: a list, or a string split at white space.
        id: The column of the caller's own id, a name or a number as for the text.
    """

    text: str | None = None
    spans: str | None = None
    are_words: bool = False
    id: str | None = None


# The place of each row with its cells, or with the reason why it cannot be read.
Rows = Iterator[tuple[str, list[str] | SourceError]]

# Yields the place of each record with its parts, or with the reason why it cannot be read. What
# makes the whole file unreadable is raised.
Parser = Callable[[Columns, Iterator[Line]], Iterator[tuple[str, Parts | SourceError]]]


def text_records(
    columns: Columns, lines: Iterator[Line]
) -> Iterator[tuple[str, Parts | SourceError]]:
    """Yield a record for each line of a text file; an empty line is an empty text.

    Raises:
        SourceError: columns are named.
    """
    if name := columns.text or columns.spans or columns.id:
        raise SourceError(
            f"a text file has no column {name!r}; its lines are the texts; give CSV, TSV, JSON"
            " Lines or Parquet"
        )
    for line in lines:
        try:
            yield line.place, Parts(line.text())
        except SourceError as error:
            yield line.place, error


def json_records(
    columns: Columns, lines: Iterator[Line]
) -> Iterator[tuple[str, Parts | SourceError]]:
    """Yield a record for each object of JSON Lines; blank lines are not records."""
    for line in lines:
        try:
            if text := line.text().strip():
                yield line.place, _object(line.place, text, columns)
        except SourceError as error:
            yield line.place, error


def tsv_records(
    columns: Columns, lines: Iterator[Line]
) -> Iterator[tuple[str, Parts | SourceError]]:
    """Yield a record for each line of a TSV file, in which a quote is a character like others.

    Blank lines are not records, unless the file has a single column.

    Raises:
        SourceError: there are no such columns.
    """
    yield from _Cells(columns, "0", "a tab").records(tsv_rows(lines))


def csv_records(
    columns: Columns, lines: Iterator[Line]
) -> Iterator[tuple[str, Parts | SourceError]]:
    """Yield a record for each row of a CSV file; a quoted cell may contain commas and line ends.

    Blank lines are not records.

    Raises:
        SourceError: there are no such columns, or a quote is not closed.
    """
    yield from _Cells(columns, "text", "a comma").records(csv_rows(lines))


def tsv_rows(lines: Iterator[Line]) -> Rows:
    """Yield the cells of each line of a TSV file."""
    for line in lines:
        try:
            yield line.place, line.text().split("\t")
        except SourceError as error:
            yield line.place, error


def csv_rows(lines: Iterator[Line]) -> Rows:
    """Yield the cells of each row of a CSV file.

    Raises:
        SourceError: a quote is not closed.
    """
    csv.field_size_limit(MAX_LINE_BYTES)
    feed = _Feed(lines)
    rows = csv.reader(feed, strict=True)
    while True:
        feed.begin_row()
        try:
            cells = next(rows)
            yield feed.place, feed.error or cells
        except StopIteration:
            return
        except csv.Error as error:
            if feed.is_at_end:
                raise SourceError(
                    f"{feed.place}: a quote opens here that nothing closes; close it, or double it"
                    " if it belongs to the text"
                ) from error
            yield feed.place, _not_csv(feed.place, error)


PARSERS: dict[str, Parser] = {
    ".txt": text_records,
    ".csv": csv_records,
    ".tsv": tsv_records,
    ".jsonl": json_records,
    ".ndjson": json_records,
    ".json": json_records,
}


def refuse_missing(place: str, name: str, names: Sequence[str]) -> None:
    """Refuse a file or a line that lacks a column.

    Raises:
        SourceError: the name is not one of the names.
    """
    if name not in names:
        raise SourceError(
            f"{place}: there is no column {name!r}; there are {_shown(names)}; name one of them by"
            " --column, --spans or --id-column"
        )


def _shown(names: Sequence[str]) -> str:
    """Return the names as a list, cut where they may be texts."""
    names = [name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…" for name in names]
    return str(names if len(names) <= MOST_NAMES else [*names[:MOST_NAMES], "…"])


class _Cells:
    """Finds the parts of records in their cells, by a header if the columns have names.

    Args:
        columns: The columns that the parts are in.
        default: The column of the text if none is named.
        separator: The character between cells, for messages.
    """

    def __init__(self, columns: Columns, default: str, separator: str) -> None:
        if columns.spans:
            raise SourceError("CSV and TSV have no lists of spans; give JSON Lines or Parquet")
        self._separator = separator
        self._names = [columns.text or default, *([columns.id] if columns.id else [])]
        self._is_headed = not all(name.isdecimal() for name in self._names)
        if self._is_headed and any(name.isdecimal() for name in self._names):
            raise SourceError(
                f"columns {' and '.join(map(repr, self._names))}: give two names, or two numbers if"
                " the file has no header"
            )
        self._numbers = [] if self._is_headed else [int(name) for name in self._names]
        self._width = 0

    def records(self, rows: Rows) -> Iterator[tuple[str, Parts | SourceError]]:
        """Yield a record for each row after the header; blank lines are not rows."""
        for place, cells in self._from_first_row(rows):
            if cells == [""] and self._has_several:
                continue
            try:
                if isinstance(cells, SourceError):
                    raise cells
                if self._lack_header:
                    self._read_header(place, cells)
                else:
                    yield place, self._parts(place, cells)
            except SourceError as error:
                if self._lack_header:
                    raise
                yield place, error

    def _from_first_row(self, rows: Rows) -> Rows:
        """Yield the rows, and blank lines before the first one if they are texts.

        Only a row that is not blank shows whether the file has a single column. Beyond MOST_BLANK
        lines without one, it counts as having a single column.
        """
        may_be_texts = not self._is_headed and not self._has_several
        waiting: list[tuple[str, list[str] | SourceError]] = []
        for place, cells in rows:
            if cells == [""]:
                if may_be_texts:
                    waiting.append((place, cells))
            elif cells:  # the CSV reader returns no cells for a blank line
                if isinstance(cells, list) and len(cells) > 1:
                    waiting.clear()
                waiting.append((place, cells))
                break
            if len(waiting) >= MOST_BLANK:
                break
        yield from waiting
        yield from (row for row in rows if row[1])

    @property
    def _has_several(self) -> bool:
        """Whether the file has several columns, as far as it was read."""
        return self._width > 1 or any(self._numbers)

    @property
    def _lack_header(self) -> bool:
        return self._is_headed and not self._width

    def _parts(self, place: str, cells: Sequence[str]) -> Parts:
        width = self._width or len(cells)
        if len(cells) <= max(self._numbers):
            raise SourceError(
                f"{place}: {len(cells)} columns; number {max(self._numbers)}, counted from 0, is"
                f" asked for; {self._separator} divides columns"
            )
        if any(cells[width:]):
            raise SourceError(
                f"{place}: {len(cells)} columns; the first line has {width};"
                f" {self._separator} inside a text divides it"
            )
        self._width = width
        text, *ids = (cells[number] for number in self._numbers)
        return Parts(text, id=ids[0] if ids else None)

    def _read_header(self, place: str, cells: Sequence[str]) -> None:
        for name in self._names:
            if name not in cells:
                raise SourceError(
                    f"{place}: there is no column {name!r}; there are {_shown(cells)}, divided by"
                    f" {self._separator}; name one of them by --column, or count columns from 0 if"
                    " the file has no header"
                )
            if cells.count(name) > 1:
                raise SourceError(
                    f"{place}: {cells.count(name)} columns are named {name!r}; rename all but one"
                )
        self._numbers = [cells.index(name) for name in self._names]
        self._width = len(cells)


class _Feed:
    """Decodes the lines that the CSV reader asks for, and remembers what it needs for messages.

    Args:
        lines: The lines of the file.
    """

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self.is_at_end = False
        self.begin_row()

    def begin_row(self) -> None:
        """Note that the next line begins a row."""
        self.place, self._held = "", 0
        self.error: SourceError | None = None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            self.is_at_end = True
            raise StopIteration
        self.place = self.place or line.place
        self._held += 0 if line.too_long else len(line.raw)
        if self._held > MAX_LINE_BYTES:
            raise SourceError(
                f"{self.place}: a quote opens here that {MAX_LINE_BYTES:,} bytes do not close;"
                " close it, or double it if it belongs to the text"
            )
        try:
            return line.decoded()
        except SourceError as error:
            # The reader must see the quotes of the line, or it would lose its place in the file.
            self.error = self.error or error
            return "\n" if line.too_long else line.raw.decode(line.encoding, "replace")


def _not_csv(place: str, error: csv.Error) -> SourceError:
    return SourceError(
        f"{place}: not CSV: {error}; a cell with a comma, a quote or a line end stands in quotes,"
        " and a quote in it is doubled"
    )


def _object(place: str, line: str, columns: Columns) -> Parts:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise SourceError(f"{place}: not JSON: {error}{_if_array(line)}") from error
    if not isinstance(value, dict):
        raise SourceError(
            f"{place}: a {type(value).__name__}; each line must be an object{_if_array(line)}"
        )
    names = [columns.text or "text", *(name for name in (columns.spans, columns.id) if name)]
    for name in names:
        refuse_missing(place, name, list(value))
    return Parts(value[names[0]], value.get(columns.spans), value.get(columns.id))


def _if_array(line: str) -> str:
    return "; of an array make JSON Lines, for example with jq -c '.[]'" if line[0] == "[" else ""
