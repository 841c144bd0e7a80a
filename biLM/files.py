"""Files as this project writes them, whole or not at all, and as it reads them, packed or not."""

import gzip
import json
import lzma
import os
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


def unpacked(file: BinaryIO, suffix: str) -> Iterator[bytes]:
    """The lines of an open file, which its suffix may tell to be packed: `.gz` or `.xz`."""
    if suffix == ".gz":
        return iter(gzip.GzipFile(fileobj=file))
    if suffix == ".xz":
        return iter(lzma.LZMAFile(file))
    return iter(file)
