"""Find the files of a corpus in files and folders, and group them into named sources.

A source is what weights, held-out figures and the card of a model name. A file is a source of its
own, and so is each folder inside a folder; beyond a number that a person still reads, the files of
a folder are one source.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath

from ..errors import CorpusError
from .summary import Tally, printable

TEXT, MARKDOWN, HTML, ZIP, PARQUET = "text", "markdown", "html", "zip", "parquet"
JSON_LINES, CSV, TSV = "jsonl", "csv", "tsv"
KINDS = {
    ".txt": TEXT,
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".html": HTML,
    ".htm": HTML,
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
    ".json": JSON_LINES,
    ".csv": CSV,
    ".tsv": TSV,
    ".parquet": PARQUET,
    ".zip": ZIP,
}
PACKED = (".gz", ".xz")
# A file that is only called .gz or .xz is packed text, but not one of these.
NOT_TEXT = (".tar", ".zip")
# A folder with more files than this, or more folders, is one source: no one reads more figures.
MAX_SOURCES = 64
# Many files of at most this size, on average, are articles, and not parts of one large text.
SMALL_FILE_BYTES = 64 << 10
# Text takes about this many times the space of its packed file.
PACKED_RATIO = 4

# A folder with one of these files was made by a program: the first is the mark by which programs
# know each other's caches (Ford 2004, "Cache Directory Tagging Specification"), the others are in
# the folders of models and of runs.
TAG = "CACHEDIR.TAG"
TAG_CONTENT = b"Signature: 8a477f597d28d172789f06886806bc55\n# Made by bilm train.\n"
MADE_BY_PROGRAMS = (TAG, "pieces.model", "checkpoint.safetensors")

HIDDEN = "hidden files and folders skipped"
OTHER_KIND = "files of other kinds skipped"
MADE = "folders of models, runs and caches skipped"
LINKS = "links to folders not followed"
CLOSED = "folders that cannot be opened"


@dataclass(frozen=True)
class TextFile:
    """A file of text.

    Args:
        path: Where it is.
        kind: Its kind, one of the values of `KINDS`.
        shown: Its name in messages.
    """

    path: Path
    kind: str
    shown: str

    @property
    def text_bytes(self) -> int:
        """An estimate of the bytes of text in the file."""
        is_packed = self.kind in (ZIP, PARQUET) or self.path.suffix.lower() in PACKED
        return self.path.stat().st_size * (PACKED_RATIO if is_packed else 1)


@dataclass(frozen=True)
class Source:
    """Files that count as one.

    Args:
        name: The name of the source.
        files: Its files, in the order in which they are read.
    """

    name: str
    files: tuple[TextFile, ...]

    @cached_property
    def has_many_small_files(self) -> bool:
        """Whether these are files of an article each, as far as their sizes show."""
        return are_many_and_small([file.text_bytes for file in self.files])


def are_many_and_small(sizes: Sequence[int]) -> bool:
    """Return whether files of these sizes in bytes are many, and small on average."""
    return len(sizes) > MAX_SOURCES and sum(sizes) <= SMALL_FILE_BYTES * len(sizes)


def find_sources(inputs: Sequence[Path], tally: Tally | None = None) -> dict[str, Source]:
    """Return the sources of files and folders by name.

    A folder stands for all files in it and in its folders. Several files of one name are one
    source.

    Args:
        inputs: Files and folders.
        tally: Counts what is skipped.

    Raises:
        CorpusError: an input does not exist, or there is no file of a known kind.
    """
    tally = Tally() if tally is None else tally
    found: dict[str, list[TextFile]] = {}
    seen: set[Path] = set()
    for root, files in _by_root(inputs, tally).items():
        names = _source_names(root, files)
        for file, name in zip(files, names, strict=True):
            if (real := file.path.resolve()) not in seen:
                seen.add(real)
                found.setdefault(name, []).append(file)
    if not found:
        raise CorpusError(
            f"no text in {[str(i) for i in inputs]}; files end in {', '.join(KINDS)}, and may be"
            f" packed as .gz or .xz{_skipped(tally)}"
        )
    return {name: Source(name, tuple(files)) for name, files in found.items()}


def kind_of(path: PurePath) -> str | None:
    """Return the kind of a file by the suffix of its name, or None for an unknown one."""
    suffix = deciding_suffix(path)
    if path.suffix.lower() not in PACKED:
        return KINDS.get(suffix)
    return None if suffix in NOT_TEXT else KINDS.get(suffix, TEXT)


def deciding_suffix(path: PurePath) -> str:
    """Return the suffix that decides what a file is, in lower case; empty if there is none.

    It is the last one, or the one before `.gz` or `.xz`: `a.json.txt` is text, and `a.txt.JSON.gz`
    is JSON.
    """
    suffixes = ["", "", *map(str.lower, path.suffixes)]
    return suffixes[-2] if suffixes[-1] in PACKED else suffixes[-1]


def fingerprints(inputs: Sequence[Path]) -> dict[str, list[int]]:
    """Return a few numbers for each source, by name, that change with its files.

    For a source of one file these are its size and modification time; for several, their number,
    their bytes, and a hash of all names, sizes and times.
    """
    return {name: _fingerprint(source) for name, source in find_sources(inputs).items()}


def mark_as_made(folder: Path) -> None:
    """Mark a folder as made by a program, so that it is never read as text of one around it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TAG).write_bytes(TAG_CONTENT)


def text_bytes(sources: Iterable[Source]) -> int:
    """Return an estimate of the bytes of text in all sources."""
    return sum(file.text_bytes for source in sources for file in source.files)


def _by_root(inputs: Sequence[Path], tally: Tally) -> dict[Path, list[TextFile]]:
    """Return the files below each folder that was given, or that a given file is in."""
    found: dict[Path, list[TextFile]] = {}
    for given in inputs:
        if not given.exists():
            raise CorpusError(f"{given} does not exist; name a text file or a folder of them")
        root = given if given.is_dir() else given.parent
        paths = sorted(_walk(given, tally)) if given.is_dir() else [given]
        files = found.setdefault(root, [])
        for path in paths:
            shown = printable(str(path.relative_to(root)))
            if kind := kind_of(path):
                files.append(TextFile(path, kind, shown))
            else:
                tally.count(OTHER_KIND, shown)
    return found


def _walk(root: Path, tally: Tally) -> Iterator[Path]:
    """Yield every file below a folder, except for those that are hidden."""

    def refuse(error: OSError) -> None:
        tally.count(CLOSED, printable(str(error)))

    for folder, folders, files in os.walk(root, onerror=refuse):
        place = Path(folder)
        shown = place.relative_to(root)
        folders.sort()
        for name in list(folders):
            if reason := _why_skipped(place / name):
                tally.count(reason, printable(f"{shown / name}/"))
                folders.remove(name)
        for name in sorted(files):
            if name.startswith("."):
                tally.count(HIDDEN, printable(str(shown / name)))
            else:
                yield place / name


def _why_skipped(folder: Path) -> str | None:
    if folder.name.startswith("."):
        return HIDDEN
    if folder.is_symlink():
        return LINKS
    return MADE if any(os.path.exists(folder / name) for name in MADE_BY_PROGRAMS) else None


def _source_names(root: Path, files: Sequence[TextFile]) -> list[str]:
    """Return the name of the source of each file below a folder."""
    parts = [file.path.relative_to(root).parts for file in files]
    folders = {path[0] for path in parts if len(path) > 1}
    loose = {path[0].split(".")[0] for path in parts if len(path) == 1}
    whole = printable(root.resolve().name) or "texts"
    names = []
    for path in parts:
        is_loose = len(path) == 1
        own = path[0].split(".")[0] if is_loose else path[0]
        are_few = len(loose if is_loose else folders) <= MAX_SOURCES
        names.append(printable(own) if are_few else whole)
    return names


def _fingerprint(source: Source) -> list[int]:
    stats = [file.path.stat() for file in source.files]
    if len(stats) == 1:
        return [stats[0].st_size, stats[0].st_mtime_ns]
    facts = [
        (file.shown, stat.st_size, stat.st_mtime_ns)
        for file, stat in zip(source.files, stats, strict=True)
    ]
    digest = hashlib.blake2b(repr(facts).encode(), digest_size=7).digest()
    return [len(stats), sum(stat.st_size for stat in stats), int.from_bytes(digest, "big")]


def _skipped(tally: Tally) -> str:
    lines = tally.lines()
    return f"; {'; '.join(lines)}" if lines else ""
