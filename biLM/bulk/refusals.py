"""The texts of a part that have no vectors, told in a file beside it: their numbers, and why.

A line of JSON each: `{"text": 7, "reason": "texts.txt, line 8: not UTF-8 …"}`.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from biLM.bulk.sources import Record
from biLM.bulk.transform import Readable, Transform
from biLM.errors import SourceError
from biLM.files import own_name, put_in_place

NAME = "_refused-"  # readers of a folder of Parquet pass over what begins like this


@dataclass(frozen=True)
class Refusal:
    """A text without vectors.

    Args:
        text: Its number among all of the source, from 0.
        reason: With the place it stands at, and the remedy.
    """

    text: int
    reason: str


def sifted(records: Iterable[Record], transform: Transform) -> tuple[list[Readable], list[Refusal]]:
    """The records that can be embedded, and the others."""
    readable, refused = [], []
    for record in records:
        try:
            readable.append(transform.read(record))
        except SourceError as error:
            refused.append(Refusal(record.number, str(error)))
    return readable, refused


def write_refusals(folder: Path, part: int, refused: Sequence[Refusal]) -> None:
    """Write those of a part, where there are any.

    Raises:
        OSError: they cannot be written.
    """
    if refused:
        lines = "".join(json.dumps(asdict(refusal)) + "\n" for refusal in refused)
        path = folder / f"{NAME}{part:05d}.jsonl"
        with put_in_place(path, own_name(path)) as temporary:
            temporary.write_text(lines, encoding="utf-8")
