"""List the texts of a part that have no vectors, and the reasons, in a file of the run.

Each text has a line of JSON: `{"text": 7, "reason": "texts.txt, line 8: not UTF-8 …"}`. It has the
`id` of the text as well, if a column of ids is named and can be read.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from biLM.bulk.sources import Id, Record
from biLM.bulk.transform import Readable, Transform
from biLM.errors import SourceError
from biLM.files import own_name, put_in_place

NAME = "refused-"


@dataclass(frozen=True)
class Refusal:
    """A text without vectors.

    Args:
        text: The number of the text in the source, from 0.
        reason: Why it was refused, with its place and the remedy.
        id: The caller's own id, if it is known.
    """

    text: int
    reason: str
    id: Id | None = None


def sifted(records: Iterable[Record], transform: Transform) -> tuple[list[Readable], list[Refusal]]:
    """Return the records that can be embedded, and the refusals of the others."""
    readable, refused = [], []
    for record in records:
        try:
            readable.append(transform.read(record))
        except SourceError as error:
            refused.append(Refusal(record.number, str(error), record.id))
    return readable, refused


def write_refusals(folder: Path, part: int, refused: Sequence[Refusal]) -> None:
    """Write the refusals of a part, if it has any.

    Raises:
        OSError: the file cannot be written.
    """
    if refused:
        lines = "".join(json.dumps(_known(refusal)) + "\n" for refusal in refused)
        path = folder / f"{NAME}{part:05d}.jsonl"
        with put_in_place(path, own_name(path)) as temporary:
            temporary.write_text(lines, encoding="utf-8")


def _known(refusal: Refusal) -> dict[str, Id]:
    return {name: value for name, value in asdict(refusal).items() if value is not None}
