"""Files as this project writes them, whole or not at all, and as it reads them, packed or not."""

import gzip
import json
import lzma
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to a temporary file beside `path`, then put it in place in one step."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)  # half a file would keep a full disk full
        raise


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, outlast a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def to_json(value: Mapping[str, object] | Sequence[object]) -> bytes:
    """Return `value` as indented UTF-8 JSON."""
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def numbered_lines(
    file: BinaryIO, path: Path, refusal: type[Exception]
) -> Iterator[tuple[int, str]]:
    """The lines of an open file of text, without their ends, and their numbers from 1.

    Args:
        file: Of UTF-8; a byte order mark is left out.
        path: Its name, whose suffix may tell that it is packed: `.gz` or `.xz`.
        refusal: Raised where a line is not UTF-8, or the file is damaged.
    """
    lines, number = _unpacked(file, path.suffix), 0
    while True:
        number += 1
        try:
            line = next(lines).decode("utf-8-sig" if number == 1 else "utf-8")
        except StopIteration:
            return
        except UnicodeDecodeError as error:
            raise refusal(
                f"{path}, line {number}: not UTF-8 ({error.reason} at byte {error.start}); convert"
                " the file, such as with iconv -t UTF-8"
            ) from error
        except (EOFError, lzma.LZMAError, zlib.error, OSError) as error:
            message = f"{path}, line {number}: the file ends or is damaged here: {error}"
            raise refusal(message) from error
        yield number, line.removesuffix("\n").removesuffix("\r")


def _unpacked(file: BinaryIO, suffix: str) -> Iterator[bytes]:
    if suffix == ".gz":
        return iter(gzip.GzipFile(fileobj=file))
    if suffix == ".xz":
        return iter(lzma.LZMAFile(file))
    return iter(file)
