"""Write files whole or not at all, and read files of text, compressed or not."""

import gzip
import json
import lzma
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to a temporary file beside `path`, then put it in place in one step."""
    with put_in_place(path, path.with_name(f".{path.name}.tmp")) as temporary:
        temporary.write_bytes(data)


def own_name(path: Path) -> Path:
    """Return a temporary name beside `path` that no other writer of the same file uses."""
    return path.with_name(f".{path.name}.{uuid4().hex}.tmp")


@contextmanager
def put_in_place(path: Path, temporary: Path) -> Iterator[Path]:
    """Let a block write `temporary`, then move it to `path` in one step; on an error, remove it."""
    try:
        yield temporary
        sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)  # half a file would keep a full disk full


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def to_json(value: Mapping[str, object] | Sequence[object]) -> bytes:
    """Return `value` as indented UTF-8 JSON."""
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


@dataclass(frozen=True)
class Line:
    """A line of a file, not yet decoded.

    Args:
        path: The file.
        number: The number of the line, from 1.
        raw: Its bytes, with the end of the line.
    """

    path: Path
    number: int
    raw: bytes

    @property
    def place(self) -> str:
        """The file and the number of the line, for messages."""
        return f"{self.path}, line {self.number}"

    def text(self, refusal: type[Exception]) -> str:
        """Return the text of the line without its end; a first line loses its byte order mark, too.

        Args:
            refusal: The error to raise if the line is not UTF-8.
        """
        try:
            text = self.raw.decode("utf-8-sig" if self.number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise refusal(
                f"{self.place}: not UTF-8 ({error.reason} at byte {error.start}); convert the file,"
                " for example with iconv -t UTF-8"
            ) from error
        return text.removesuffix("\n").removesuffix("\r")


def lines_of(file: BinaryIO, path: Path, refusal: type[Exception]) -> Iterator[Line]:
    """Yield the lines of an open file of text, which may be compressed.

    Args:
        file: The file as it is on disk.
        path: Its path; the suffix `.gz` or `.xz` says that it is compressed.
        refusal: The error to raise if the file is damaged.
    """
    lines = _unpacked(file, path.suffix)
    for number in count(1):
        try:
            raw = next(lines)
        except StopIteration:
            return
        except (EOFError, lzma.LZMAError, zlib.error, OSError) as error:
            message = (
                f"{path}, line {number}: the file ends or is damaged here: {error}; copy it again"
            )
            raise refusal(message) from error
        yield Line(path, number, raw)


def numbered_lines(
    file: BinaryIO, path: Path, refusal: type[Exception]
) -> Iterator[tuple[int, str]]:
    """Return number, from 1, and text of each line of `lines_of`; the file must be UTF-8."""
    return ((line.number, line.text(refusal)) for line in lines_of(file, path, refusal))


def _unpacked(file: BinaryIO, suffix: str) -> Iterator[bytes]:
    if suffix == ".gz":
        return iter(gzip.GzipFile(fileobj=file))
    if suffix == ".xz":
        return iter(lzma.LZMAFile(file))
    return iter(file)
