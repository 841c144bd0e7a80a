"""Open a file of a corpus, a member of an archive, or what is packed in either, as bytes."""

import io
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from biLM.errors import SourceError
from biLM.files import unpacked

from .sources import (
    HIDDEN,
    OTHER_KIND,
    ZIP,
    Source,
    TextFile,
    are_many_and_small,
    kind_of,
)
from .summary import Tally, printable

# What an archive raises if it is damaged, has a password, or was packed in a way unknown here.
ARCHIVE_ERRORS = (zipfile.BadZipFile, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class Origin:
    """A file, or a member of an archive.

    Args:
        shown: Its name in messages, whose suffix says whether it is packed.
        kind: Its kind, as in `sources.KINDS`, but never an archive.
        is_article: Whether it is one of many small files.
        opened: Opens it anew, as it is stored.
        path: Where it is, unless it is a member of an archive.
    """

    shown: str
    kind: str
    is_article: bool
    opened: Callable[[], BufferedReader]
    path: Path | None = None

    @property
    def name(self) -> Path:
        """The name for messages, as a path, whose suffix says how the bytes are packed."""
        return Path(self.shown)


def origins(source: Source, file: TextFile, tally: Tally) -> Iterator[Origin]:
    """Yield the file, or each file of text in it if it is an archive.

    Raises:
        SourceError: the archive cannot be read.
    """
    if file.kind != ZIP:
        is_article = source.has_many_small_files
        yield Origin(file.shown, file.kind, is_article, lambda: file.path.open("rb"), file.path)
        return
    try:
        with zipfile.ZipFile(file.path) as archive:
            yield from _members(file, archive, tally)
    except (OSError, *ARCHIVE_ERRORS) as error:
        raise SourceError(f"{file.shown}: no archive that can be read: {error}") from error


@contextmanager
def as_file(origin: Origin) -> Iterator[Path]:
    """Yield the path of a file with the unpacked bytes; a copy is removed after the block."""
    if origin.path and origin.path.suffix.lower() == ".parquet":
        yield origin.path
        return
    with TemporaryDirectory(prefix="bilm-corpus-") as folder:
        copy = Path(folder) / "unpacked.parquet"
        with origin.opened() as packed, copy.open("wb") as out:
            shutil.copyfileobj(unpacked(packed, origin.name.suffix), out)
        yield copy


def _members(file: TextFile, archive: zipfile.ZipFile, tally: Tally) -> Iterator[Origin]:
    members = []
    for member in archive.infolist():
        name = PurePosixPath(member.filename)
        shown = printable(f"{file.shown}/{name}")
        kind = kind_of(name)
        if member.is_dir():
            continue
        if any(part.startswith((".", "__MACOSX")) for part in name.parts):
            tally.count(HIDDEN, shown)
        elif kind in (None, ZIP):
            tally.count(OTHER_KIND, shown)
        else:
            members.append((member, shown, kind or ""))
    is_article = are_many_and_small([member.file_size for member, _, _ in members])
    for member, shown, kind in members:

        def opened(member: zipfile.ZipInfo = member) -> BufferedReader:
            return io.BufferedReader(archive.open(member))  # type: ignore[arg-type]  # it has readinto

        yield Origin(shown, kind, is_article, opened)
