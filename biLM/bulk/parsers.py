"""Find the text and the spans of a record in one line of a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import orjson

from biLM.errors import SourceError
from biLM.files import Line

# Text and spans as the file has them; the source checks their types.
Parts = tuple[Any, Any]


@dataclass(frozen=True)
class Columns:
    """The columns that the parts of a record are in.

    Args:
        text: The column of the text or of its words, by name. In TSV it may be a number from 0,
            which means that the first line is a record and not a header. A text file has no
            columns.
        spans: The column of the spans that get a vector, each `[begin, end)` in code points.
        are_words: Whether the text column contains words: a list, or a string split at white space.
    """

    text: str | None = None
    spans: str | None = None
    are_words: bool = False


@runtime_checkable
class Parser(Protocol):
    """Finds the parts of a record in a line.

    Args:
        columns: The columns that the parts are in.
        lines: The lines of the file, from which the parser may take a header.

    Raises:
        SourceError: the kind of file does not have these columns.
    """

    def __init__(self, columns: Columns, lines: Iterator[Line]) -> None: ...

    def parse(self, line: Line) -> Parts:
        """Return the text of the record and its spans, if spans are requested.

        Raises:
            SourceError: the line cannot be read, or lacks a column.
        """
        ...


class TextParser:
    """Parses a text file, whose lines are the texts."""

    def __init__(self, columns: Columns, _: Iterator[Line]) -> None:
        if columns.text or columns.spans:
            raise SourceError(
                f"a text file has no column {columns.text or columns.spans!r}; its lines are the"
                " texts; give TSV, JSON Lines or Parquet"
            )

    def parse(self, line: Line) -> Parts:
        """Return the line as the text."""
        return line.text(SourceError), None


class TsvParser:
    """Parses a TSV file, whose lines have the text in one of their cells."""

    def __init__(self, columns: Columns, lines: Iterator[Line]) -> None:
        if columns.spans:
            raise SourceError("TSV has no lists of spans; give JSON Lines or Parquet")
        name = columns.text or "0"
        self._number = int(name) if name.isdecimal() else _number_in_header(name, lines)

    def parse(self, line: Line) -> Parts:
        """Return one cell of the line as the text."""
        cells = line.text(SourceError).split("\t")
        if self._number >= len(cells):
            raise SourceError(
                f"{line.place}: {len(cells)} columns; the text should be in number {self._number},"
                " counted from 0"
            )
        return cells[self._number], None


class JsonParser:
    """Parses JSON Lines, each an object that has the text and perhaps the spans."""

    def __init__(self, columns: Columns, _: Iterator[Line]) -> None:
        self._text, self._spans = columns.text or "text", columns.spans

    def parse(self, line: Line) -> Parts:
        """Return the values of the columns in the line's object."""
        place = line.place
        try:
            value = orjson.loads(line.text(SourceError))
        except orjson.JSONDecodeError as error:
            raise SourceError(f"{place}: not JSON: {error}") from error
        if not isinstance(value, dict):
            raise SourceError(f"{place}: a {type(value).__name__}; each line must be an object")
        for name in [self._text, *([self._spans] if self._spans else [])]:
            refuse_missing(place, name, list(value))
        return value[self._text], value.get(self._spans)


PARSERS: dict[str, type[Parser]] = {".txt": TextParser, ".tsv": TsvParser, ".jsonl": JsonParser}


def refuse_missing(place: str, name: str, names: Sequence[str]) -> None:
    """Refuse a file or a line that lacks a column.

    Raises:
        SourceError: the name is not one of the names.
    """
    if name not in names:
        raise SourceError(f"{place}: there is no column {name!r}; there are {list(names)}")


def _number_in_header(name: str, lines: Iterator[Line]) -> int:
    header = next(lines, None)
    names = header.text(SourceError).split("\t") if header else [""]
    refuse_missing(header.place if header else "an empty file", name, names)
    return names.index(name)
