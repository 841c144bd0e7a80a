"""Write files whole or not at all, and read files of text, compressed or not."""

import gzip
import json
import lzma
import os
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedReader
from itertools import count
from pathlib import Path
from uuid import uuid4

# Reading a file that is cut off or damaged raises one of these.
DAMAGE = (EOFError, lzma.LZMAError, zlib.error, OSError)


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


def replace_folder(folder: Path, new: Path) -> None:
    """Put a folder in the place of another, whose files of other names it takes over.

    A process that is killed meanwhile leaves the old folder or the new one, never a mixture. For
    the moment between two renamings neither has the name; then both stand beside it, whole, the old
    one as `.NAME.….tmp`.

    Raises:
        OSError: the folder cannot be replaced, because it is a mount point, for example; it is as
            before.
    """
    old = own_name(folder)
    folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    sync(folder.parent)
    for other in old.iterdir():
        if not (folder / other.name).exists():
            other.rename(folder / other.name)
    shutil.rmtree(old)


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


def numbered_lines(
    file: BufferedReader, path: Path, refusal: type[Exception]
) -> Iterator[tuple[int, str]]:
    """Yield number, from 1, and text of each line of an open file of UTF-8, without its end.

    Args:
        file: The file as it is on disk.
        path: Its path; the suffix `.gz` or `.xz` says that it is compressed.
        refusal: The error to raise if the file is damaged or not UTF-8.
    """
    lines = iter(unpacked(file, path.suffix))
    for number in count(1):
        place = f"{path}, line {number}"
        try:
            raw = next(lines)
        except StopIteration:
            return
        except DAMAGE as error:
            message = f"{place}: the file ends or is damaged here: {error}; copy it again"
            raise refusal(message) from error
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise refusal(
                f"{place}: not UTF-8 ({error.reason} at byte {error.start}); convert the file, for"
                " example with iconv -t UTF-8"
            ) from error
        yield number, text.removesuffix("\n").removesuffix("\r")


def unpacked(file: BufferedReader, suffix: str) -> BufferedReader | gzip.GzipFile | lzma.LZMAFile:
    """Return what reads an open file, compressed as its suffix says, in upper or lower case."""
    if suffix.lower() == ".gz":
        return gzip.GzipFile(fileobj=file)
    if suffix.lower() == ".xz":
        return lzma.LZMAFile(file)
    return file
