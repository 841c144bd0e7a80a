"""Read one text from each record of CSV, TSV, JSON Lines or Parquet.

`biLM.bulk` reads such files to embed their texts, and this module uses the same parsers. It adds
the choice of a column if the caller names none.
"""

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from biLM.bulk.lines import Line, lines_of
from biLM.bulk.parsers import PARSERS, Columns, csv_rows, tsv_rows
from biLM.errors import SourceError

from .joining import joined
from .origins import Origin, as_file
from .sources import CSV, JSON_LINES, PARQUET, TSV
from .summary import HAN

TABLES = (CSV, TSV, JSON_LINES, PARQUET)
# The column is chosen from this many records at the beginning of a file.
SAMPLED_RECORDS = 100
# A column with one of these names has the text; an earlier name is preferred to a later one.
_USUAL_NAMES = (
    "text content body 正文 内容 文本 article document passage paragraph review comment sentence"
    " output answer abstract summary 评论 评价 句子 摘要"
)
USUAL_NAMES = _USUAL_NAMES.split()
# The texts below a header are, in the median, at least this many times as long as the header.
SHORTER = 4


@dataclass(frozen=True)
class Column:
    """Identifies the column that has the text.

    Args:
        name: Its name, or its number from 0 if the file has no header.
        is_guess: True if the caller did not name it.
    """

    name: str
    is_guess: bool

    def __str__(self) -> str:
        return self.name if not self.name.isdecimal() else f"number {self.name} (from 0)"


def column_of(origin: Origin, codec: str, given: str | None) -> Column:
    """Return the column of a file that has the text.

    Args:
        origin: The file.
        codec: Its encoding; Parquet needs none.
        given: The name of the column, or its number from 0 in CSV and TSV without a header.

    Raises:
        SourceError: the file cannot be read, or no column has texts.
    """
    if given is not None:
        return Column(given, False)
    if origin.kind == PARQUET:
        found = _usual_or_chinese(_parquet_sample(origin))
    elif origin.kind == JSON_LINES:
        found = _usual_or_chinese(_objects(_sampled(origin, codec, _decoded)))
    else:
        rows = csv_rows if origin.kind == CSV else tsv_rows
        found = _of_cells([row for _, row in _sampled(origin, codec, rows) if _has_text(row)])
    if found is None:
        raise SourceError(
            f"{origin.shown}: no column of the first {SAMPLED_RECORDS} records has texts; name one"
            " by --column"
        )
    return Column(found, True)


def texts_of(origin: Origin, codec: str, column: Column) -> Iterator[tuple[str, str] | SourceError]:
    """Yield the place and the text of each record, or an error that says why it cannot be read.

    Raises:
        SourceError: the file cannot be read.
    """
    if origin.kind == PARQUET:
        yield from _parquet_texts(origin, column)
        return
    parser = PARSERS[f".{origin.kind}"]
    with origin.opened() as file:
        lines = lines_of(file, origin.name, codec)
        for place, parts in parser(Columns(column.name), lines):
            if isinstance(parts, SourceError):
                yield parts
            else:
                yield _checked(place, parts.text)


def _checked(place: str, value: object) -> tuple[str, str] | SourceError:
    if value is None:
        return place, ""
    if not isinstance(value, str):
        return SourceError(f"{place}: the text is of type {type(value).__name__}, not a string")
    return place, joined(value.splitlines())


def _sampled(origin: Origin, codec: str, rows: Callable[[Iterator[Line]], Iterable[Any]]) -> Any:
    with origin.opened() as file:
        return list(islice(rows(lines_of(file, origin.name, codec)), SAMPLED_RECORDS))


def _decoded(lines: Iterator[Line]) -> Iterator[str]:
    for line in lines:
        try:
            yield line.text()
        except SourceError:
            continue  # texts_of reports it


def _objects(lines: Iterable[str]) -> list[Mapping[str, object]]:
    found: list[Mapping[str, object]] = []
    for line in lines:
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue  # texts_of reports it
        if isinstance(value, dict):
            found.append(value)
    return found


def _parquet_sample(origin: Origin) -> list[Mapping[str, object]]:
    import pyarrow  # pyarrow takes half a second to load
    from pyarrow import parquet

    try:
        with as_file(origin) as path, parquet.ParquetFile(path) as file:
            batch = next(file.iter_batches(SAMPLED_RECORDS), None)
            return batch.to_pylist() if batch else []
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{origin.shown}: cannot be read as Parquet: {error}; copy it or write it again"
        ) from error


def _parquet_texts(origin: Origin, column: Column) -> Iterator[tuple[str, str] | SourceError]:
    from biLM.bulk.sources import ParquetSource

    with as_file(origin) as path:
        try:
            for record in ParquetSource(path, Columns(column.name)):
                place = f"{origin.shown}, row {record.number}"
                if record.refusal:
                    yield place, ""  # the row has no text
                else:
                    yield _checked(place, record.text)
        except SourceError as error:
            # The copy of a packed file has a name that the caller does not know.
            raise SourceError(str(error).replace(str(path), origin.shown)) from error


def _usual_or_chinese(records: Sequence[Mapping[str, object]]) -> str | None:
    """Return the name of the column that has the texts of these records, or None."""
    columns: dict[str, list[str]] = {}
    for record in records:
        for name, value in record.items():
            if isinstance(value, str) and value.strip():
                columns.setdefault(name, []).append(value)
    return _best(columns)


def _best(columns: Mapping[str, Sequence[str]]) -> str | None:
    """Return the column with a usual name, else the most Chinese one, else that with most text."""
    by_name = {name.strip().lower(): name for name in reversed(list(columns))}
    usual = [by_name[name] for name in USUAL_NAMES if name in by_name]
    if usual:
        return usual[0]
    amounts = {
        name: (sum(len(HAN.findall(text)) for text in texts), sum(map(len, texts)))
        for name, texts in columns.items()
    }
    return max(amounts, key=amounts.__getitem__, default=None)


def _of_cells(rows: Sequence[Sequence[str]]) -> str | None:
    """Return the name of the column that has texts, or its number if there is no header."""
    if not rows:
        return None
    first, *others = rows
    columns = {
        str(number): [row[number] for row in others or rows if len(row) > number]
        for number in range(len(first))
    }
    named = {name: columns[str(number)] for number, name in enumerate(first)}
    if len(named) == len(first) and (usual := _best_usual(named)):
        return usual
    best = int(_best(columns) or 0)
    return first[best] if others and _is_header(first, best, columns[str(best)]) else str(best)


def _best_usual(named: Mapping[str, Sequence[str]]) -> str | None:
    found = _best(named)
    return found if found is not None and found.strip().lower() in USUAL_NAMES else None


def _is_header(first: Sequence[str], place: int, below: Sequence[str]) -> bool:
    """Return whether the first row looks like a header, compared with the texts below it."""
    # pandas writes row numbers into a first column, whose header is empty.
    named = first[1:] if place and not first[0].strip() else first
    if any(not cell.strip() or cell.strip().isdecimal() for cell in named):
        return False
    if len(set(first)) < len(first):
        return False
    are_chinese = 2 * sum(bool(HAN.search(text)) for text in below) > len(below)
    if are_chinese and not HAN.search(first[place]):
        return True
    return len(first[place]) * SHORTER <= statistics.median(map(len, below))


def _has_text(row: object) -> bool:
    return isinstance(row, list) and any(cell.strip() for cell in row)
