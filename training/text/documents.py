"""Read the documents of a source, whatever kind its files are of.

A document is a record of a table, and in other files a line, what stands between blank lines, or
the whole file. What the caller does not name is guessed for each file, and the guesses are
reported.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from biLM.bulk.lines import UTF_8, Line, lines_of, text_encoding
from biLM.counted import counted
from biLM.errors import SourceError
from biLM.files import DAMAGE

from ..choices import DOCUMENTS
from ..errors import CorpusError
from . import markdown, webpage
from .encodings import decoded, encoding_of, sample_of
from .grouping import BLANK_LINE, FILE, LINE, MAX_DOCUMENT_CHARACTERS, grouped, guessed_unit
from .origins import ARCHIVE_ERRORS, Origin, origins
from .repeated_lines import RepeatedLines
from .sources import HTML, MARKDOWN, PARQUET, Source, deciding_suffix
from .summary import Tally
from .tables import TABLES, column_of, texts_of

RECORD = "record"
# Beyond this share of files that cannot be read, the caller should know before training.
UNREADABLE_ONE_IN = 10
# More columns than this are not listed one by one.
MAX_COLUMNS = 3

EMPTY = "files without text"
UNREADABLE = "files that cannot be read left out"
OTHER_JSON = (
    ".json files without an object on each line skipped; jq -c '.[]' FILE writes the objects of a"
    " list so, for a file in .jsonl"
)
BAD_RECORDS = "lines and records that cannot be read dropped"
NO_TEXT = "records without text dropped"
DIVIDED = f"documents divided, to have at most {MAX_DOCUMENT_CHARACTERS:,} characters"
UNITS = {
    FILE: "a whole file",
    LINE: "a line",
    BLANK_LINE: "what stands between blank lines",
    RECORD: "a record",
}


@dataclass(frozen=True)
class Reading:
    """How files are read, as far as the caller determines it; the rest is guessed.

    Args:
        document: What a document is in a file that is not a table: `file`, `line` or `blank-line`.
        column: The column of the text in tables: a name, or a number from 0 in CSV and TSV without
            a header.
        encoding: The encoding of files that have no byte order mark and are not UTF-8.

    Raises:
        CorpusError: there is no such document.
        SourceError: there is no such encoding.
    """

    document: str | None = None
    column: str | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        if self.document not in (None, *DOCUMENTS):
            raise CorpusError(
                f"document is {self.document!r}; it is {', '.join(DOCUMENTS)}, or is left out and"
                " guessed for each file"
            )
        if self.encoding is not None:
            text_encoding(self.encoding)


class Document(NamedTuple):
    """A document, and its place for messages."""

    place: str
    text: str


class Reader:
    """Reads the documents of sources, and remembers what it found out about their files.

    Args:
        reading: How the files are read.
        tally: Counts what is left out.
    """

    def __init__(self, reading: Reading, tally: Tally) -> None:
        self._reading, self._tally = reading, tally
        self._repeated = RepeatedLines(self._drop)
        self._num_files = 0
        self._units: dict[str, Counter[str]] = {}
        self._encodings, self._columns = Tally(), Tally()

    def documents(self, source: Source) -> Iterator[Document]:
        """Yield the documents of a source in order, and count what cannot be read."""
        for file in source.files:
            try:
                for origin in origins(source, file, self._tally):
                    yield from self._read(origin)
            except SourceError as error:
                self._num_files += 1
                self._tally.count(UNREADABLE, str(error))

    def refuse_unreadable(self) -> None:
        """Refuse the corpus if too many of its files cannot be read.

        Raises:
            CorpusError: they are one in ten, or more.
        """
        unreadable = self._tally[UNREADABLE]
        if unreadable and unreadable * UNREADABLE_ONE_IN >= self._num_files:
            reasons = next(line for line in self._tally.lines() if line.startswith(UNREADABLE))
            raise CorpusError(
                f"{unreadable:,} of {self._num_files:,} files cannot be read; they are left out if"
                f" they are fewer than one in {UNREADABLE_ONE_IN}, so mend or remove them."
                f" {reasons}"
            )

    def notes(self) -> list[str]:
        """Return a line about each thing that was guessed."""
        units = []
        for unit, kinds in self._units.items():
            files = [counted(number, f"{kind} file") for kind, number in kinds.items()]
            units.append(f"{UNITS[unit]} in {' and '.join(files)}")
        remedy = "" if set(self._units) <= {RECORD} else " (--document determines it)"
        lines = [f"a document is {', '.join(units)}{remedy}"] if units else []
        columns, encodings = self._columns.lines(), self._encodings.lines()
        if others := columns[MAX_COLUMNS:]:
            columns[MAX_COLUMNS:] = [f"{len(others):,} further columns that texts are taken from"]
        return [*lines, *columns, *encodings]

    def _drop(self, reason: str, example: str, times: int = 1) -> None:
        self._tally.count(reason, example, times)

    def _read(self, origin: Origin) -> Iterator[Document]:
        """Yield the documents of one file."""
        self._num_files += 1
        has_text = False
        try:
            for document in self._opened(origin):
                has_text = True
                yield document
        except _NoTextError:
            self._tally.count(OTHER_JSON, origin.shown)
            return
        except SourceError as error:
            self._tally.count(UNREADABLE, str(error))
            return
        except (*DAMAGE, *ARCHIVE_ERRORS) as error:
            self._tally.count(UNREADABLE, f"{origin.shown}: {error}; copy or unpack it again")
            return
        if not has_text:
            self._tally.count(EMPTY, origin.shown)

    def _opened(self, origin: Origin) -> Iterator[Document]:
        if origin.kind == PARQUET:
            yield from self._records(origin, UTF_8)
            return
        sample = sample_of(origin)
        codec = encoding_of(origin, sample, self._reading.encoding)
        beginning = decoded(sample, codec)
        _refuse_other_json(origin, beginning)
        if codec != UTF_8:
            self._encodings.count(f"files in {codec} (--text-encoding determines it)", origin.shown)
        if origin.kind in TABLES:
            yield from self._records(origin, codec)
            return
        unit = self._reading.document or guessed_unit(origin, beginning)
        self._count_unit(unit, origin.kind)
        yield from self._prose(origin, codec, unit)

    def _count_unit(self, unit: str, kind: str) -> None:
        self._units.setdefault(unit, Counter())[kind] += 1

    def _records(self, origin: Origin, codec: str) -> Iterator[Document]:
        column = column_of(origin, codec, self._reading.column)
        self._count_unit(RECORD, origin.kind)
        if column.is_guess:
            what = f"files whose text is taken from column {column} (--column determines it)"
            self._columns.count(what, origin.shown)
        for found in texts_of(origin, codec, column):
            if isinstance(found, SourceError):
                self._tally.count(BAD_RECORDS, str(found))
            elif found[1]:
                yield Document(*found)
            else:
                self._tally.count(NO_TEXT, found[0])

    def _prose(self, origin: Origin, codec: str, unit: str) -> Iterator[Document]:
        def divided(number: int) -> None:
            self._tally.count(DIVIDED, f"{origin.shown}, line {number}")

        with origin.opened() as file:
            lines = self._readable(lines_of(file, origin.name, codec))
            if origin.kind == MARKDOWN:
                lines = markdown.prose_of(lines, self._drop)
            elif origin.kind == HTML:
                lines = webpage.prose_of(lines, self._drop)
            if unit == FILE:
                lines = self._repeated.kept(lines)
            for number, text in grouped(lines, unit, divided):
                yield Document(f"{origin.shown}, line {number}", text)

    def _readable(self, lines: Iterable[Line]) -> Iterator[tuple[int, str]]:
        """Yield the number and text of each line that can be decoded."""
        for line in lines:
            try:
                yield line.number, line.text()
            except SourceError as error:
                self._tally.count(BAD_RECORDS, str(error))


class _NoTextError(Exception):
    """A file is named like a file of texts, but has other content."""


def _refuse_other_json(origin: Origin, beginning: str) -> None:
    """Refuse settings and other JSON, of which a folder of texts may have some.

    Raises:
        _NoTextError: the name says JSON, but the first line is not an object.
    """
    if deciding_suffix(origin.name) != ".json":
        return
    first, end, _ = beginning.lstrip().partition("\n")
    try:
        is_object = first.startswith("{") and (not end or isinstance(orjson.loads(first), dict))
    except orjson.JSONDecodeError:
        is_object = False
    if not is_object:
        raise _NoTextError
