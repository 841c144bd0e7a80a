"""Read labelled texts from CSV or tab-separated files.

A column is given by its name, and then the first line of each file must contain it, or by its
number from 1, and then the files have no header.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from examples.classifier.errors import DataError
from examples.classifier.rows import is_csv, read_rows

# A message quotes at most this many characters of a first line, which may be a whole review.
LONGEST_QUOTE = 80


@dataclass(frozen=True)
class Labelled:
    """Texts, and a label for each."""

    texts: list[str]
    labels: list[str]


def read_labelled(
    paths: Sequence[Path], label: str, text: str, encoding: str | None = None
) -> Labelled:
    """Return every row of the files, in order.

    Args:
        paths: Files with commas between the columns if their names end in .csv, else tabs; .gz
            and .xz are decompressed.
        label: Column of the label, a name or a number from 1.
        text: Column of the text, also a name or a number from 1.
        encoding: Encoding of the files; None means UTF-8, or UTF-16 if a byte order mark says so.

    Raises:
        DataError: a file or a line cannot be read; the message names both.
    """
    if label.isdecimal() != text.isdecimal():
        raise DataError(f"columns {label!r} and {text!r}: give two names or two numbers from 1")
    data = Labelled([], [])
    for path in paths:
        before = len(data.texts)
        for row_label, row_text in _labelled(path, label, text, encoding):
            data.labels.append(row_label)
            data.texts.append(row_text)
        if len(data.texts) == before:
            raise DataError(f"{path} has no rows")
    return data


def class_names(train: Labelled, test: Labelled) -> list[str]:
    """Return the labels of the training texts, sorted.

    Raises:
        DataError: there is only one label, or a test text has a label that no training text has.
    """
    names = sorted(set(train.labels))
    if len(names) == 1:
        raise DataError(f"every training text is labelled {names[0]!r}; there is nothing to learn")
    if unknown := sorted(set(test.labels) - set(names)):
        raise DataError(
            f"the test split has labels that no training text has: {unknown[:3]}; is --label right?"
        )
    return names


def _labelled(path: Path, label: str, text: str, encoding: str | None) -> Iterator[tuple[str, str]]:
    separator = "comma" if is_csv(path) else "tab"
    with closing(read_rows(path, encoding)) as rows:
        width = 0
        if label.isdecimal():
            columns = _numbers(label, text)
        else:
            place, names = next(rows, (str(path), []))
            columns, width = _named(place, names, (label, text), separator), len(names)
        for place, cells in rows:
            width = width or len(cells)
            _check_width(place, cells, width, max(columns), separator)
            row_label, row_text = (cells[column] for column in columns)
            if not row_label:
                raise DataError(f"{place}: the label in column {columns[0] + 1} is empty")
            yield row_label, row_text


def _numbers(label: str, text: str) -> tuple[int, int]:
    if "0" in (label, text):
        raise DataError("column 0: columns count from 1")
    return int(label) - 1, int(text) - 1


def _named(
    place: str, names: Sequence[str], asked: tuple[str, str], separator: str
) -> tuple[int, int]:
    for name in asked:
        if name not in names:
            shown = str(list(names))[:LONGEST_QUOTE]
            raise DataError(
                f"{place}: no column named {name!r} in {shown}, which {separator}s divide; name a"
                " column of the first line, or give numbers from 1 if the file has no header"
                f"{_other_kind(names, separator)}"
            )
        if names.count(name) > 1:
            raise DataError(
                f"{place}: {names.count(name)} columns are named {name!r}; rename all but one"
            )
    return names.index(asked[0]), names.index(asked[1])


def _check_width(place: str, cells: Sequence[str], width: int, last: int, separator: str) -> None:
    if len(cells) <= last:
        raise DataError(
            f"{place}: {len(cells)} columns, which {separator}s divide, and column {last + 1} is"
            f" asked for{_other_kind(cells, separator)}"
        )
    if any(cells[width:]):
        quotes = "; put the text in quotes" if separator == "comma" else "; remove it"
        raise DataError(
            f"{place}: {len(cells)} columns, and the first line has {width}; a {separator} inside"
            f" a text divides it{quotes}"
        )


def _other_kind(cells: Sequence[str], separator: str) -> str:
    if separator == "tab" and len(cells) == 1 and "," in cells[0]:
        return "; if commas divide them, the name of the file must end in .csv"
    if separator == "comma" and len(cells) == 1 and "\t" in cells[0]:
        return "; if tabs divide them, the name of the file must not end in .csv"
    return ""
