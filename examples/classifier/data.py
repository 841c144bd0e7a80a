"""Read labelled texts from tab-separated files, plain or .xz.

A column is given by its name, and then the first line of each file must contain it, or by its
number from 1, and then the files have no header.
"""

import argparse
import lzma
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from examples.classifier.errors import DataError

# A message quotes at most this many characters of a first line, which may be a whole review.
LONGEST_QUOTE = 80


@dataclass(frozen=True)
class Labelled:
    """Texts, and a label for each."""

    texts: list[str]
    labels: list[str]


def read_labelled(paths: Sequence[Path], label: str, text: str) -> Labelled:
    """Return every row of the files, in order.

    Args:
        paths: Files in UTF-8 with one row per line and tabs between the columns. If a name ends
            in .xz, the file is decompressed.
        label: Column of the label, a name or a number from 1.
        text: Column of the text, also a name or a number from 1.

    Raises:
        DataError: a file or a line cannot be read; the message names both.
    """
    if label.isdecimal() != text.isdecimal():
        raise DataError(f"columns {label!r} and {text!r}: give two names or two numbers from 1")
    data = Labelled([], [])
    for path in paths:
        before = len(data.texts)
        for row_label, row_text in _rows(path, label, text):
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


def declare_splits(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the files of a task, and for their columns of labels and texts."""
    add = parser.add_argument
    add("--train", type=Path, action="append", required=True, help="TSV or .xz; may be repeated")
    add("--test", type=Path, required=True, help="TSV or .xz; never used to choose anything")
    add("--label", required=True, help="column: a name in the first line, or a number from 1")
    add("--text", required=True, help="column: likewise")
    add("--cache", type=Path, help="folder for embeddings, to share by tasks (default: OUT/cache)")


def _rows(path: Path, label: str, text: str) -> Iterator[tuple[str, str]]:
    with closing(read_lines(path)) as lines:
        columns = _numbers(label, text) if label.isdecimal() else _named(path, lines, label, text)
        for place, line in lines:
            fields = line.split("\t")
            if len(fields) <= max(columns):
                raise DataError(
                    f"{place}: {len(fields)} columns, and column {max(columns) + 1} is asked for"
                )
            row_label, row_text = (fields[column] for column in columns)
            if not row_label:
                raise DataError(f"{place}: the label in column {columns[0] + 1} is empty")
            yield row_label, row_text


def _numbers(label: str, text: str) -> tuple[int, int]:
    if "0" in (label, text):
        raise DataError("column 0: columns count from 1")
    return int(label) - 1, int(text) - 1


def _named(path: Path, lines: Iterator[tuple[str, str]], label: str, text: str) -> tuple[int, int]:
    place, header = next(lines, (str(path), ""))
    names = header.split("\t")
    for name in (label, text):
        if name not in names:
            raise DataError(
                f"{place}: no column named {name!r} in {header[:LONGEST_QUOTE]!r}; name a column"
                " of the first line, or give numbers from 1 if the file has no header"
            )
    return names.index(label), names.index(text)


def read_lines(path: Path) -> Generator[tuple[str, str]]:
    """Yield each line after its place, `FILE:NUMBER`.

    Raises:
        DataError: the file cannot be read; the message names the line.
    """
    number = 0
    try:
        with _open(path) as file:
            # A binary file splits at \n only; str.splitlines would also split at U+2028 in a text.
            for number, line in enumerate(file, start=1):
                decoded = line.decode("utf-8-sig" if number == 1 else "utf-8")
                yield f"{path}:{number}", decoded.rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}:{number}: not UTF-8: {error.reason}") from error
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise DataError(f"{path} cannot be read after line {number}: {error}") from error


def _open(path: Path) -> IO[bytes]:
    return lzma.open(path) if path.suffix == ".xz" else path.open("rb")
