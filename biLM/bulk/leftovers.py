"""Remove what killed runs left in a folder of vectors, and nothing that somebody else put there.

A part that is in place but not counted is written again. To distinguish it from a part of
another run, its writer notes it, before it is put in place, in the folder for the notes of the run.
"""

import hashlib
import json
import os
from collections.abc import Collection
from pathlib import Path

from biLM.bulk.refusals import NAME
from biLM.errors import BulkError
from biLM.files import own_name, put_in_place, sync, to_json

UNCOUNTED = "uncounted-"
# The digest is of the end of a file alone, because reading gigabytes again would take seconds.
END_BYTES = 65_536


def note_uncounted(notes: Path, number: int, path: Path, temporary: Path) -> None:
    """Note a complete part that is about to be put in place.

    Args:
        notes: The folder for the notes of the run.
        number: The number of the part.
        path: The path that the part will have.
        temporary: The path that it has now.

    Raises:
        OSError: the note cannot be written.
    """
    note = _note(notes, number)
    with put_in_place(note, own_name(note)) as unfinished:
        unfinished.write_bytes(to_json(_mark(path.name, temporary)))
    sync(notes)  # the note must not be lost where the part is not


def forget_uncounted(notes: Path, number: int) -> None:
    """Remove the note of a part, which the ledger counts now.

    Raises:
        OSError: the note cannot be removed.
    """
    _note(notes, number).unlink(missing_ok=True)


def remove_leftovers(folder: Path, notes: Path, counted: Collection[str]) -> None:
    """Remove incomplete files, and parts that are noted but not counted.

    Args:
        folder: The folder of vectors.
        notes: The folder for the notes of the run.
        counted: The names of the parts that the ledger counts.

    Raises:
        BulkError: the folder has a part that no run with these notes wrote, and nothing was
            removed; or a file cannot be removed.
    """
    try:
        noted = list(notes.glob(f"{UNCOUNTED}*"))
        marks = [json.loads(note.read_bytes()) for note in noted]
        parts = [path for path in sorted(folder.glob("part-*")) if path.name not in counted]
        for path in parts:
            if _mark(path.name, path) not in marks:
                raise BulkError(
                    f"{path} is there, but the notes in {notes} do not have it, so another run"
                    " wrote it; move it to another folder, or choose another --out"
                )
        refused = [path for path in notes.glob(f"{NAME}*") if _number(path) >= len(counted)]
        # The notes go last: without them, a part that is left would be taken for another run's.
        for path in [*parts, *refused, *notes.glob(".*.tmp"), *noted]:
            path.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise BulkError(
            f"{folder} or {notes} has a file that cannot be read or removed: {error}; remove it, or"
            " choose another --out"
        ) from error


def _note(notes: Path, number: int) -> Path:
    return notes / f"{UNCOUNTED}{number:05d}.json"


def _mark(name: str, path: Path) -> dict[str, str | int]:
    """Return the marks of a part: its name, its size, and a digest of its end."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - END_BYTES))
        return {"name": name, "bytes": size, "end": hashlib.sha256(file.read()).hexdigest()}


def _number(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])
