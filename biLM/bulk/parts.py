"""Turn records into files of vectors, each of them complete or not there at all."""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa

from biLM.bulk.formats import Format, open_writer
from biLM.bulk.leftovers import note_uncounted
from biLM.bulk.refusals import Refusal, sifted, write_refusals
from biLM.bulk.sources import Record, Source
from biLM.bulk.transform import Transform
from biLM.errors import BulkError, SourceError
from biLM.files import own_name, put_in_place, sync

# The encoder reads about this many characters of text in one call, which fill two of its batches.
CALL_CHARACTERS = 24_000


@dataclass
class Done:
    """What a run has written so far.

    Args:
        parts: Number of files.
        texts: Number of records that the files were made of.
        rows: Number of vectors in the files.
        sha256: Digest of those records, one after the other.
        refused: Number of those records that have no vectors.
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
        number: The number of the file, from 0.
        records: The records, at least one.
        sha256: Digest of all records of the source up to the last of these.
        begin: How much of the source comes before the records, in units of its size.
    """

    number: int
    records: Sequence[Record]
    sha256: str
    begin: int


@dataclass(frozen=True)
class Written:
    """A file that has been written.

    Args:
        texts: Number of records that the file was made of.
        rows: Number of vectors in the file.
        sha256: Digest of all records of the source up to the last of these.
        begin: How much of the source comes before these records, in units of its size.
        position: How much of the source was read up to the last of them.
        refused: Number of these records that have no vectors.
    """

    texts: int
    rows: int
    sha256: str
    begin: int
    position: int
    refused: int


# Called with how much of a source has been embedded since the last call: units of its size, and
# texts. Units without texts were embedded by an earlier run.
Advance = Callable[[int, int], object]


def unwritten_parts(
    source: Source, done: Done, characters: int, skips_refused: bool
) -> Iterator[Part]:
    """Yield the parts of a source that follow those already written.

    Args:
        source: The source; records already written are read again and compared.
        done: What has been written.
        characters: A part ends with the record that reaches this many characters, whoever writes
            it.
        skips_refused: Whether parts include records that cannot be read.

    Raises:
        SourceError: the source no longer begins with the records already written, or a record
            cannot be read.
    """
    digest = hashlib.sha256()
    records = iter(source)
    position = 0
    for record in islice(records, done.texts):
        digest.update(_bytes(record))
        position = record.position
    if done.texts and digest.hexdigest() != done.sha256:
        raise SourceError(
            f"the first {done.texts} texts are not those that vectors were written of before; give"
            " that file again, or choose another --out"
        )
    unread = records if skips_refused else map(_unless_refused, records)
    for number, group in enumerate(_groups(unread, characters), start=done.parts):
        for record in group:
            digest.update(_bytes(record))
        yield Part(number, group, digest.hexdigest(), position)
        position = group[-1].position


def parts_or_refusal(
    source: Source, done: Done, characters: int, skips_refused: bool
) -> Iterator[Part | SourceError]:
    """Yield the same parts, and the refusal last, so that the parts before it are written."""
    try:
        yield from unwritten_parts(source, done, characters, skips_refused)
    except SourceError as error:
        yield error


def run_folder(folder: Path) -> Path:
    """Return the folder for the notes of a run, which stands beside the folder of its vectors.

    Programs that read a folder as one table may try to read every file in it.
    """
    return folder.with_name(f"{folder.name}.run")


def part_path(folder: Path, number: int, kind: Format) -> Path:
    """Return the path that a part is written to."""
    return folder / f"part-{number:05d}.{kind}"


def write_part(
    folder: Path,
    part: Part,
    transform: Transform,
    kind: Format,
    skips_refused: bool,
    advance: Advance,
) -> Written:
    """Write one part, or nothing of it.

    Args:
        folder: The folder to write to.
        part: The part.
        transform: Makes the vectors.
        kind: Format of the file.
        skips_refused: Whether to list a refused record in a file of the run, instead of raising an
            error.
        advance: Called as some of the records have been embedded.

    Raises:
        SourceError: a record is refused.
        BulkError: the file cannot be written.
    """
    path, notes = part_path(folder, part.number, kind), run_folder(folder)
    rows, refused, position = 0, list[Refusal](), part.begin
    try:
        with put_in_place(path, own_name(notes / path.name)) as temporary:
            with open_writer(kind, temporary, transform.schema) as file:
                for some in _groups(part.records, CALL_CHARACTERS):
                    texts, without = sifted(some, transform)
                    if without and not skips_refused:
                        raise _refused(without[0].reason)
                    refused += without
                    if texts:
                        found = transform(texts)
                        file.write([text.record for text in texts], found)
                        rows += found.num_rows
                    advance(some[-1].position - position, len(some))
                    position = some[-1].position
            write_refusals(notes, part.number, refused)
            note_uncounted(notes, part.number, path, temporary)
        sync(folder)  # a part must not be counted and then lost
    except OSError as error:
        raise BulkError(f"{path} cannot be written: {error}") from error
    num_texts = len(part.records)
    return Written(num_texts, rows, part.sha256, part.begin, position, len(refused))


def write_empty_part(folder: Path, kind: Format, schema: pa.Schema) -> None:
    """Write a file without rows, so that the folder of a source without texts is a table, too.

    The next run removes it, because the ledger does not count it.

    Raises:
        BulkError: the file cannot be written.
    """
    path, notes = part_path(folder, 0, kind), run_folder(folder)
    try:
        with put_in_place(path, own_name(notes / path.name)) as temporary:
            with open_writer(kind, temporary, schema):
                pass
            note_uncounted(notes, 0, path, temporary)
        sync(folder)
    except OSError as error:
        raise BulkError(f"{path} cannot be written: {error}") from error


def refuse_missing(folder: Path, counted: Collection[str]) -> None:
    """Refuse to resume if the file of a written part is gone.

    Args:
        folder: The folder of vectors.
        counted: The names of the parts that the ledger counts.

    Raises:
        BulkError: a file is gone.
    """
    there = {path.name for path in folder.glob("part-*")}
    for name in counted:
        if name not in there:
            raise BulkError(
                f"{folder / name} was written and is gone; put it back, remove both {folder} and"
                f" {run_folder(folder)} to begin again, or choose another --out"
            )


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
    text = None if record.refusal else record.text
    ids = () if record.id is None else (record.id,)
    return json.dumps((text, record.spans, *ids)).encode()
