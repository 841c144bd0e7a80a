"""The lines of a text file, plain or .xz."""

import lzma
from collections.abc import Iterator
from pathlib import Path

from examples.classifier.errors import DataError


def read_lines(path: Path) -> Iterator[str]:
    """Each line without its end.

    Raises:
        DataError: the file cannot be read.
    """
    open_text = lzma.open if path.suffix == ".xz" else open
    try:
        with open_text(path, "rt", encoding="utf-8") as file:
            yield from (line.rstrip("\r\n") for line in file)
    except (OSError, EOFError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
