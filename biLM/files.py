"""Files as this project writes them: whole or not at all, JSON for people to read."""

import json
import os
from collections.abc import Mapping
from pathlib import Path


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to a temporary file beside `path`, then put it in place in one step."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def to_json(value: Mapping[str, object]) -> bytes:
    """Return `value` as indented UTF-8 JSON."""
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()
