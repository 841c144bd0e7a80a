"""Record which parts of a folder of vectors are done, so that a run resumes and repeats nothing."""

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from biLM.bulk.leftovers import forget_uncounted
from biLM.bulk.parts import Done, Written, run_folder
from biLM.errors import BulkError
from biLM.files import to_json, write_atomically

FILE = "ledger.json"
FORMAT_VERSION = 2
# Options that a ledger does not have if it was written before there was a choice.
BEFORE = {"device": "cpu"}


@dataclass
class Ledger:
    """Counts the parts in a folder of vectors; a part is counted once its file is in place.

    The ledger is written to the folder for the run's notes, which stands beside that folder.

    Args:
        folder: The folder of vectors.
        asked: The options on which the vectors depend, besides the texts.
        done: How much has been written.
    """

    folder: Path
    asked: Mapping[str, Any]
    done: Done = field(default_factory=Done)

    @classmethod
    def of(cls, folder: Path, asked: Mapping[str, Any]) -> "Ledger":
        """Read the ledger of a folder, or return an empty one if the folder has none.

        Raises:
            BulkError: the ledger counts vectors of other options, or cannot be read.
        """
        path = run_folder(folder) / FILE
        if not path.exists():
            return cls(folder, asked)
        try:
            content = json.loads(path.read_bytes())
            version, before = content["version"], {**BEFORE, **content["asked"]}
            done = Done(**content["done"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BulkError(f"{path} cannot be read: {error!r}; choose another --out") from error
        if version != FORMAT_VERSION:
            raise BulkError(
                f"{path} is of version {version}, not {FORMAT_VERSION}; choose another --out"
            )
        if done.parts:  # an empty ledger allows any options
            _refuse_other(folder, before, asked, done)
        return cls(folder, asked, done)

    def add(self, written: Written) -> None:
        """Count a part whose file is in place.

        Raises:
            BulkError: the ledger cannot be written, or the note of the part cannot be removed.
        """
        done = self.done
        self.done = Done(
            parts=done.parts + 1,
            texts=done.texts + written.texts,
            rows=done.rows + written.rows,
            sha256=written.sha256,
            refused=done.refused + written.refused,
        )
        self.write()
        notes = run_folder(self.folder)
        try:
            forget_uncounted(notes, done.parts)
        except OSError as error:
            raise BulkError(
                f"a note in {notes} cannot be removed: {error}; permit it, and run the same command"
                " again"
            ) from error

    def write(self) -> None:
        """Write the ledger to its folder.

        Raises:
            BulkError: the ledger cannot be written.
        """
        content = {"version": FORMAT_VERSION, "asked": self.asked, "done": asdict(self.done)}
        path = run_folder(self.folder) / FILE
        try:
            write_atomically(path, to_json(content))
        except OSError as error:
            raise BulkError(
                f"{path} cannot be written: {error}; make room or permit it, and run the same"
                " command again"
            ) from error


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Keep other runs from writing to the folder, and create it if it does not exist.

    Raises:
        BulkError: another run writes to it, or it cannot be created or locked.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.is_mount():
            raise BulkError(
                f"{folder} is a mount point, and the notes of a run stand beside its folder; choose"
                f" a folder in it, such as --out {folder / 'vectors'}"
            )
        notes = run_folder(folder)
        notes.mkdir(exist_ok=True)
        lock = (notes / "lock").open("w")
    except OSError as error:
        raise BulkError(
            f"{folder} and a folder {folder.name}.run beside it cannot be written to: {error};"
            " choose another --out"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BulkError(
                f"another run writes to {folder}; wait for its end, or choose another --out"
            ) from error
        except OSError as error:
            raise BulkError(
                f"{folder} is on a disk that cannot lock files ({error}); choose an --out"
                " on another one"
            ) from error
        yield


def _refuse_other(
    folder: Path, before: Mapping[str, Any], asked: Mapping[str, Any], done: Done
) -> None:
    settled = _never_applied(before, asked, done)
    for name, value in asked.items():
        if name not in settled and (name not in before or before[name] != value):
            raise BulkError(
                f"{folder} has vectors with {name} {before.get(name)!r}, not {value!r}; give the"
                " same options again, or choose another --out"
            )


def _never_applied(
    before: Mapping[str, Any], asked: Mapping[str, Any], done: Done
) -> tuple[str, ...]:
    """Return the options that may still change, because no text so far was over the limit.

    A text over the limit ends the run, and the message recommends `--truncate` or a larger limit.
    The same folder must therefore accept both.
    """
    was_whole = before.get("truncate") is None and not done.refused
    if was_whole and before.get("max_text_pieces", 0) <= asked["max_text_pieces"]:
        return "truncate", "max_text_pieces"
    return ()
