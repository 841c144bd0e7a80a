"""Atomic writes of files."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from examples.classifier.errors import WriteError


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then rename it to `path`.

    Raises:
        WriteError: the disk is full, or the folder is not writable; no partial file stays behind.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise WriteError(
            f"{path} cannot be written: {error.strerror}; make room or name another folder"
        ) from error
    finally:
        with suppress(OSError):  # it was renamed, or never created
            temporary.unlink()
