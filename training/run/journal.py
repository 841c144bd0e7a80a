"""Report the progress of a run in a log of JSON lines and a progress bar."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from tqdm import tqdm

LOG_NAME = "log.jsonl"


class Journal:
    """The log file and the progress bar of one run.

    Args:
        folder: The folder whose `log.jsonl` is appended to.
        total: Number of pieces in the budget.
        speaks: Whether to write the log and show the bar; only one process of a team does.
    """

    def __init__(self, folder: Path, total: int, speaks: bool = True) -> None:
        path = folder / LOG_NAME if speaks else Path(os.devnull)
        self._file = path.open("a", encoding="utf-8")
        self._bar = tqdm(
            disable=not speaks,
            total=total,
            unit=" pieces",
            unit_scale=True,
            smoothing=0.02,
            mininterval=1,
        )

    def advance(self, pieces: int, loss: float) -> None:
        """Move the bar to this number of pieces and show the loss of the step."""
        self._bar.update(pieces - self._bar.n)
        self._bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)

    def begin_at(self, pieces: int) -> None:
        """Show the pieces that a resumed run has already read, without counting them as speed."""
        self._bar.reset()
        self._bar.initial = self._bar.n = self._bar.last_print_n = pieces

    def say(self, message: str) -> None:
        """Write a message to the terminal and to the log."""
        if not self._bar.disable:
            self._bar.write(message, file=sys.stderr)
        self.write("note", {"message": message})

    def write(self, kind: str, values: Mapping[str, object]) -> None:
        """Append one line to the log."""
        self._file.write(json.dumps({"kind": kind, **values}, ensure_ascii=False) + "\n")
        self._file.flush()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()
        self._file.close()


def read_entries(folder: Path, kind: str) -> list[dict[str, Any]]:  # json.loads
    """Return the entries of one kind, in the order in which they were written."""
    lines = (folder / LOG_NAME).read_text("utf-8").splitlines()
    return [line for line in map(json.loads, lines) if line["kind"] == kind]


def read_log(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Return the last entry of each step, by step; a resumed run repeats some steps."""
    entries = {entry["step"]: entry for entry in read_entries(folder, kind)}
    return [entries[step] for step in sorted(entries)]
