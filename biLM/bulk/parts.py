"""Records -> files of vectors, each of them whole or not there."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from uuid import uuid4

from biLM.bulk.formats import Format, open_writer
from biLM.bulk.sources import Record, Source
from biLM.bulk.transform import Transform
from biLM.errors import BulkError, SourceError
from biLM.files import sync

CALL_CHARACTERS = 24_000  # read together: two of the encoder's batches, about


@dataclass
class Done:
    """What is written.

    Args:
        parts: Files.
        texts: Records in them.
        rows: Vectors in them.
        sha256: Of those records, one after the other.
    """

    parts: int = 0
    texts: int = 0
    rows: int = 0
    sha256: str = ""


@dataclass(frozen=True)
class Part:
    """The records of one file.

    Args:
        number: Among all parts, from 0.
        records: At least one.
        sha256: Of all records up to here.
    """

    number: int
    records: Sequence[Record]
    sha256: str


@dataclass(frozen=True)
class Written:
    """A file that is in its place.

    Args:
        texts: Records in it.
        rows: Vectors in it.
        sha256: Of all records up to here.
        position: How much of the source was read up to here.
    """

    texts: int
    rows: int
    sha256: str
    position: int


def unwritten_parts(source: Source, done: Done, characters: int) -> Iterator[Part]:
    """The parts of a source that come after those that are written.

    Args:
        source: Of the records; those written are read again and compared.
        done: What is written.
        characters: A part ends with the record that reaches them; who writes it plays no part.

    Raises:
        SourceError: the records written were others.
    """
    digest = hashlib.sha256()
    records = iter(source)
    for record in islice(records, done.texts):
        digest.update(_bytes(record))
    if done.texts and digest.hexdigest() != done.sha256:
        raise SourceError(
            f"the first {done.texts} texts are not those that vectors were written of before; give"
            " that file again, or choose another --out"
        )
    for number, group in enumerate(_groups(records, characters), start=done.parts):
        for record in group:
            digest.update(_bytes(record))
        yield Part(number, group, digest.hexdigest())


def parts_or_refusal(source: Source, done: Done, characters: int) -> Iterator[Part | SourceError]:
    """The same, and at last the refusal where there is one, so that what came before is written."""
    try:
        yield from unwritten_parts(source, done, characters)
    except SourceError as error:
        yield error


def part_path(folder: Path, number: int, kind: Format) -> Path:
    """Where a part is written."""
    return folder / f"part-{number:05d}.{kind}"


def write_part(folder: Path, part: Part, transform: Transform, kind: Format) -> Written:
    """Write one part, or nothing of it.

    Raises:
        SourceError: a record is refused.
        BulkError: the file cannot be written.
    """
    path = part_path(folder, part.number, kind)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.tmp")  # another may do the same part
    rows = 0
    try:
        with open_writer(kind, temporary, transform.schema) as file:
            for some in _groups(part.records, CALL_CHARACTERS):
                found = transform(some)
                file.write([record.number for record in some], found)
                rows += found.num_rows
        sync(temporary)
        temporary.replace(path)
        sync(folder)  # a part must not be counted and then lost
    except OSError as error:
        raise BulkError(f"{path} cannot be written: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)  # half a file would keep a full disk full
    return Written(len(part.records), rows, part.sha256, part.records[-1].position)


def remove_leftovers(folder: Path, num_parts: int) -> None:
    """Remove what writers left that were killed: halves, and files that nobody counted.

    Raises:
        BulkError: they cannot be removed.
    """
    try:
        for temporary in folder.glob(".part-*.tmp"):
            temporary.unlink(missing_ok=True)
        for path in folder.glob("part-*"):
            if int(path.stem.removeprefix("part-")) >= num_parts:
                path.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise BulkError(f"{folder} holds what cannot be removed: {error}") from error


def refuse_missing(folder: Path, num_parts: int, kind: Format) -> None:
    """Refuse to go on where a file is gone.

    Raises:
        BulkError: one is.
    """
    there = {path.name for path in folder.glob("part-*")}
    for number in range(num_parts):
        if (name := part_path(folder, number, kind).name) not in there:
            raise BulkError(f"{folder / name} was written and is gone; choose another --out")


def _groups(records: Iterable[Record], characters: int) -> Iterator[list[Record]]:
    group: list[Record] = []
    held = 0
    for record in records:
        group.append(record)
        held += record.num_characters + 1  # an empty text costs something, too
        if held >= characters:
            yield group
            group, held = [], 0
    if group:
        yield group


def _bytes(record: Record) -> bytes:
    return json.dumps((record.text, record.spans)).encode()
