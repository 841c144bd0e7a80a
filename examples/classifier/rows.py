"""Read the lines of a file of text, and the cells of its rows: CSV, or tabs between columns."""

import codecs
import csv
import gzip
import io
import lzma
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from examples.classifier.errors import DataError

# A longer cell is not a text: a quote was not closed.
LONGEST_CELL = 1 << 24
OPENERS = {".gz": gzip.open, ".xz": lzma.open}
# GB 18030 contains the other two, and files that are called GBK often have characters of it.
WIDER = {"gbk": "gb18030", "gb2312": "gb18030"}
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def is_csv(path: Path) -> bool:
    """Return whether the name of a file says that commas divide its columns."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return ".csv" in suffixes[-2:] and all(one in OPENERS or one == ".csv" for one in suffixes[-1:])


def read_rows(path: Path, encoding: str | None = None) -> Generator[tuple[str, list[str]]]:
    """Yield the cells of each row after its place, `FILE:NUMBER`; blank lines are not rows.

    Cells of CSV may be quoted, and then contain commas, line ends and doubled quotes. Elsewhere a
    tab divides cells, and a quote is a character.

    Raises:
        DataError: the file cannot be read; the message names the line.
    """
    if is_csv(path):
        yield from _csv_rows(path, encoding)
        return
    with closing(read_lines(path, encoding)) as lines:
        for place, line in lines:
            if line:
                yield place, line.split("\t")


def read_lines(path: Path, encoding: str | None = None) -> Generator[tuple[str, str]]:
    """Yield each line after its place, `FILE:NUMBER`, without its end.

    Args:
        path: The file, which is decompressed if its name ends in .gz or .xz.
        encoding: Its encoding; None means UTF-8, or UTF-16 if a byte order mark says so.

    Raises:
        DataError: the file cannot be read; the message names the line.
    """
    with closing(_whole_lines(path, encoding)) as lines:
        for place, line in lines:
            yield place, line.rstrip("\r\n")


def _csv_rows(path: Path, encoding: str | None) -> Generator[tuple[str, list[str]]]:
    csv.field_size_limit(LONGEST_CELL)
    place = ""

    def lines() -> Iterator[str]:
        nonlocal place
        with closing(_whole_lines(path, encoding)) as whole:
            for here, line in whole:
                place = place or here
                yield line

    rows = csv.reader(lines(), strict=True)
    while True:
        place = ""  # becomes that of the first line which the reader takes for the row
        try:
            cells = next(rows, None)
        except csv.Error as error:
            raise DataError(
                f"{place}: not CSV: {error}; a cell with a comma, a quote or a line end stands in"
                " quotes, a quote in it is doubled, and a quote that opens must close"
            ) from error
        if cells is None:
            return
        if cells:
            yield place, cells


def _whole_lines(path: Path, encoding: str | None) -> Generator[tuple[str, str]]:
    number = 0
    try:
        with OPENERS.get(path.suffix.lower(), open)(path, "rb") as file:
            codec = _codec(file, encoding)
            # Only \n ends a line; str.splitlines would also split at U+2028 in a text.
            for number, line in enumerate(_decoded(file, codec), start=1):
                yield f"{path}:{number}", line.removeprefix("\ufeff") if number == 1 else line
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}:{number + 1}: not {error.encoding.upper()}: {error.reason}; give the encoding"
            " of the file, for example --text-encoding gbk"
        ) from error
    except LookupError as error:
        raise DataError(f"{error}; give --text-encoding utf-8, gbk, big5 or utf-16") from error
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise DataError(f"{path} cannot be read after line {number}: {error}") from error


def _codec(file: BinaryIO, encoding: str | None) -> str:
    if encoding is None:
        head = file.read(2)
        file.seek(0)
        return "utf-16" if head in UTF_16 else "utf-8"
    name = codecs.lookup(encoding).name
    return WIDER.get(name, name)


def _decoded(file: BinaryIO, codec: str) -> Iterator[str]:
    if codec.startswith(("utf-16", "utf-32")):  # whose line ends are more than one byte
        with io.TextIOWrapper(file, codec, newline="\n") as lines:
            yield from lines
    else:
        for line in file:
            yield line.decode(codec)
