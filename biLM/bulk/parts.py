"""Records -> files of vectors, each of them whole or not there."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from biLM.bulk.formats import Format, open_writer
from biLM.bulk.refusals import NAME, Refusal, sifted, write_refusals
from biLM.bulk.sources import Record, Source
from biLM.bulk.transform import Transform
from biLM.errors import BulkError, SourceError
from biLM.files import own_name, put_in_place, sync

CALL_CHARACTERS = 24_000  # read together: two of the encoder's batches, about


@dataclass
class Done:
    """What is written.

    Args:
        parts: Files.
        texts: Records they were made of.
        rows: Vectors in them.
        sha256: Of those records, one after the other.
        refused: How many of the records are without vectors.
    """

    parts: int = 0
    texts: int = 0
    rows: int = 0
    sha256: str = ""
    refused: int = 0


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
        texts: Records it was made of.
        rows: Vectors in it.
        sha256: Of all records up to here.
        position: How much of the source was read up to here.
        refused: How many of the records are without vectors.
    """

    texts: int
    rows: int
    sha256: str
    position: int
    refused: int


def unwritten_parts(
    source: Source, done: Done, characters: int, skips_refused: bool
) -> Iterator[Part]:
    """The parts of a source that come after those that are written.

    Args:
        source: Of the records; those written are read again and compared.
        done: What is written.
        characters: A part ends with the record that reaches them; who writes it plays no part.
        skips_refused: Whether records that cannot be read are part of it.

    Raises:
        SourceError: the records written were others, or one cannot be read.
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
    unread = records if skips_refused else map(_unless_refused, records)
    for number, group in enumerate(_groups(unread, characters), start=done.parts):
        for record in group:
            digest.update(_bytes(record))
        yield Part(number, group, digest.hexdigest())


def parts_or_refusal(
    source: Source, done: Done, characters: int, skips_refused: bool
) -> Iterator[Part | SourceError]:
    """The same, and at last the refusal where there is one, so that what came before is written."""
    try:
        yield from unwritten_parts(source, done, characters, skips_refused)
    except SourceError as error:
        yield error


def part_path(folder: Path, number: int, kind: Format) -> Path:
    """Where a part is written."""
    return folder / f"part-{number:05d}.{kind}"


def write_part(
    folder: Path, part: Part, transform: Transform, kind: Format, skips_refused: bool
) -> Written:
    """Write one part, or nothing of it.

    Args:
        folder: Where it is written.
        part: Its records.
        transform: What is made of them.
        kind: Of the file.
        skips_refused: Whether a record that is refused is told in a file beside it instead.

    Raises:
        SourceError: a record is refused.
        BulkError: the file cannot be written.
    """
    path = part_path(folder, part.number, kind)
    rows, refused = 0, list[Refusal]()
    try:
        with (
            put_in_place(path, own_name(path)) as temporary,
            open_writer(kind, temporary, transform.schema) as file,
        ):
            for some in _groups(part.records, CALL_CHARACTERS):
                texts, without = sifted(some, transform)
                if without and not skips_refused:
                    raise _refused(without[0].reason)
                refused += without
                if texts:
                    found = transform(texts)
                    file.write([text.record.number for text in texts], found)
                    rows += found.num_rows
            write_refusals(folder, part.number, refused)
        sync(folder)  # a part must not be counted and then lost
    except OSError as error:
        raise BulkError(f"{path} cannot be written: {error}") from error
    position = part.records[-1].position
    return Written(len(part.records), rows, part.sha256, position, len(refused))


def remove_leftovers(folder: Path, num_parts: int) -> None:
    """Remove what writers left that were killed: halves, and files that nobody counted.

    Raises:
        BulkError: they cannot be removed.
    """
    try:
        for temporary in [*folder.glob(".part-*.tmp"), *folder.glob(f".{NAME}*.tmp")]:
            temporary.unlink(missing_ok=True)
        for path in [*folder.glob("part-*"), *folder.glob(f"{NAME}*")]:
            if int(path.stem.rpartition("-")[2]) >= num_parts:
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


def _unless_refused(record: Record) -> Record:
    if record.refusal:
        raise _refused(record.refusal)
    return record


def _refused(reason: str) -> SourceError:
    return SourceError(f"{reason}; or go on without such texts by --skip-refused")


def _bytes(record: Record) -> bytes:
    return json.dumps((None if record.refusal else record.text, record.spans)).encode()
