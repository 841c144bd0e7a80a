"""Divide the documents of a corpus into shuffled training text and a held-out slice per source.

What is held out are blocks of consecutive documents (`blocks`), of which those that share text with
the training text are dropped at the end (`overlap`); or single documents, chosen by a hash of their
text alone. Either way a document that occurs twice is never on both sides. A new source moves no
single document to the other side; of blocks it may, because they are shorter in a small corpus, and
because its text may be that of a held-out document. The hash also chooses the training file, so all
copies of a document are in one file, where all but the first are dropped. Near copies are dropped
before. Memory holds no more than one training file, the fingerprints of `near_copies` and hashes of
the held-out text, whatever the size of the corpus.
"""

import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import tee
from pathlib import Path
from typing import TextIO

from biLM.files import numbered_lines, to_json, write_atomically

from ..choices import BLOCKS, SPLITS
from ..errors import CorpusError
from .blocks import Blocks, block_characters, digest_of
from .documents import Document, Reader, Reading
from .near_copies import NearCopies
from .overlap import Overlap
from .sources import Source, find_sources, mark_as_made, text_bytes
from .summary import Doubts, Tally, shortened

FORMAT_VERSION = 2
# The manifest is written last, so a folder without it has an incomplete corpus.
MANIFEST = "corpus.json"
# The approximate size of a training file, which is shuffled in memory.
MAX_FILE_BYTES = 64 << 20
# This many characters wait in memory for their training files, which are opened one after another.
MAX_WAITING_CHARACTERS = 8 << 20
# A longer line is rarely meant to be one document.
LONG_DOCUMENT = 100_000

DUPLICATES = "copies dropped"
OVERLAP = "held-out documents dropped, for they share text with the training text"
NEAR_COPIES = "near copies of earlier documents dropped"
LONG = (
    f"documents of more than {LONG_DOCUMENT:,} characters, each held out or trained on as a whole"
)


@dataclass(frozen=True)
class CorpusConfig:
    """Settings for dividing a corpus.

    Args:
        min_files: Least number of training files; a large corpus gets more, so that each is small
            enough to be shuffled in memory.
        held_out_one_in: One document in this many is held out of training.
        split: What is held out: `blocks` of consecutive documents, without those that share text
            with the training text; or single `documents`, whose neighbours are trained on.
        keep_duplicates: Whether to keep every copy of a document that occurs several times; near
            copies are kept as well.
        keep_near_copies: Whether to keep documents most of whose text occurs in earlier ones.
        weights: How many times each document of a source is trained on, by the source's name; 2.5
            means two or three times. Documents of a source that is not named are trained on once.
            For a duplicate, the first source decides.
        seed: Seed of the shuffle.
        reading: How the files are read.
    """

    min_files: int = 8
    held_out_one_in: int = 200
    split: str = BLOCKS
    keep_duplicates: bool = False
    keep_near_copies: bool = False
    weights: Mapping[str, float] = field(default_factory=dict)
    seed: int = 1
    reading: Reading = field(default_factory=Reading)

    def __post_init__(self) -> None:
        if self.min_files < 1:
            raise CorpusError(f"min_files is {self.min_files}; it must be at least 1")
        if self.held_out_one_in < 2:
            raise CorpusError(f"held_out_one_in is {self.held_out_one_in}; it must be at least 2")
        if self.split not in SPLITS:
            raise CorpusError(f"split is {self.split!r}; it must be one of {', '.join(SPLITS)}")
        for source, weight in self.weights.items():
            if not 0 < weight < math.inf:
                raise CorpusError(
                    f"the weight of {source} is {weight}; it must be above 0. Leave out the file of"
                    " a source that is not wanted"
                )


@dataclass
class SourceCount:
    """The counts of one source: distinct documents, their characters (code points), copies.

    The last number counts documents that were held out, but share text with the training text.
    """

    documents: int = 0
    characters: int = 0
    held_out_documents: int = 0
    held_out_characters: int = 0
    duplicates: int = 0
    near_copies: int = 0
    held_out_near_copies: int = 0


@dataclass
class Corpus:
    """What a corpus was made of.

    Args:
        sources: The counts of each source, by name.
        notes: What the corpus's owner should know: how the files were read, and what was left out,
            a line for each reason.
    """

    sources: dict[str, SourceCount] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def build_corpus(inputs: Sequence[Path], out: Path, config: CorpusConfig) -> Corpus:
    """Write `train-*.txt`, `held_out/<source>.txt` and, once they are complete, `corpus.json`.

    Raises:
        CorpusError: there is no input, a weight names no source, too many files cannot be read, or
            there is no text to train on.
    """
    tally = Tally()
    sources = find_sources(inputs, tally)
    if strangers := config.weights.keys() - sources.keys():
        raise CorpusError(f"weights name {sorted(strangers)}; the sources are {sorted(sources)}")
    mark_as_made(out)
    (out / "held_out").mkdir(exist_ok=True)
    (out / MANIFEST).unlink(missing_ok=True)
    # Files left by an earlier corpus would be read as part of this one.
    for stale in [*_training_files(out), *(out / "held_out").glob("*.txt")]:
        stale.unlink()
    num_bytes = text_bytes(sources.values())
    num_files = max(config.min_files, -(-num_bytes // MAX_FILE_BYTES))
    train_files = [out / f"train-{number:03d}.txt" for number in range(num_files)]
    division = _Division(out / "held_out", _Files(train_files), num_bytes, tally, config)
    for source in sources.values():
        division.add(source)
    corpus = division.finish()
    if not any(count.documents for count in corpus.sources.values()):
        raise CorpusError(
            f"there is no text to train on in {[str(i) for i in inputs]};"
            f" {'; '.join(tally.lines()) or 'every document is held out'}"
        )
    shuffle = random.Random(config.seed)
    for path in train_files:
        _shuffle_file(path, shuffle, corpus, tally, config)
    if config.split == BLOCKS:
        _drop_overlap(out, train_files, corpus, tally)
    corpus.notes += [*division.notes(), *tally.lines()]
    manifest = {"version": FORMAT_VERSION, **asdict(config), **asdict(corpus)}
    write_atomically(out / MANIFEST, to_json(manifest))
    return corpus


def training_text(folder: Path) -> list[Path]:
    """Return the training files of a corpus folder.

    Raises:
        CorpusError: the folder has no corpus, an incomplete one, or one of another version.
    """
    manifest = folder / MANIFEST
    version = json.loads(manifest.read_bytes())["version"] if manifest.exists() else None
    if version != FORMAT_VERSION:
        found = "no whole corpus" if version is None else f"a corpus of version {version}"
        raise CorpusError(f"{folder} holds {found}; run `bilm train corpus`")
    return _training_files(folder)


def read_documents(path: Path) -> Iterator[str]:
    """Yield the documents of one file of a corpus folder, one per line, leaving out blank lines.

    Raises:
        CorpusError: the file cannot be read as UTF-8.
    """
    with path.open("rb") as file:
        for _, line in numbered_lines(file, path, CorpusError):
            if text := line.strip():
                yield text


class _Files:
    """Appends lines to many files, of which only one is open at a time.

    Args:
        paths: The files, which are emptied.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._waiting: list[list[str]] = [[] for _ in paths]
        self._characters = 0
        for path in paths:
            path.write_bytes(b"")

    def write(self, number: int, line: str) -> None:
        """Write a line to the file of a number, counted around if there are fewer files."""
        self._waiting[number % len(self._paths)].append(line)
        self._characters += len(line)
        if self._characters > MAX_WAITING_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        """Write what waits in memory."""
        for path, lines in zip(self._paths, self._waiting, strict=True):
            if lines:
                with path.open("a", encoding="utf-8", newline="") as file:
                    file.writelines(lines)
                lines.clear()
        self._characters = 0


class _Division:
    """Divides the documents of one source after the other.

    Args:
        held_out: The folder of the held-out files.
        train: The training files.
        num_bytes: The size of the text, estimated.
        tally: Counts what is left out.
        config: The settings.
    """

    def __init__(
        self, held_out: Path, train: _Files, num_bytes: int, tally: Tally, config: CorpusConfig
    ) -> None:
        self._held_out, self._train = held_out, train
        self._tally, self._config = tally, config
        self._reader = Reader(config.reading, tally)
        num_characters = num_bytes // 3  # a Chinese character has three bytes
        self._near_copies = NearCopies(num_characters)
        self._block_characters = block_characters(num_characters, config.held_out_one_in)
        self._first_held_out: dict[int, str] = {}
        self._doubts = Doubts()
        self._corpus = Corpus()

    def add(self, source: Source) -> None:
        """Write each document to the source's held-out file, or to a training file."""
        self._corpus.sources[source.name] = SourceCount()
        path = self._held_out / f"{source.name}.txt"
        blocks = Blocks(self._config.held_out_one_in, self._block_characters)
        with path.open("w", encoding="utf-8", newline="") as held_out:
            for document in self._without_near_copies(source):
                self._doubts.look_at(document.text)
                if len(document.text) > LONG_DOCUMENT:
                    self._tally.count(LONG, document.place)
                self._divide(source.name, document, held_out, blocks)

    def finish(self) -> Corpus:
        """Return what was counted, once all documents are in their files.

        Raises:
            CorpusError: too many files cannot be read.
        """
        self._reader.refuse_unreadable()
        self._train.flush()
        return self._corpus

    def notes(self) -> list[str]:
        """Return what should be known about the documents besides what was left out."""
        return [*self._reader.notes(), *self._doubts.lines()]

    def _without_near_copies(self, source: Source) -> Iterator[Document]:
        documents = self._reader.documents(source)
        if self._config.keep_near_copies or self._config.keep_duplicates:
            yield from documents
            return
        documents, again = tee(documents)
        flags = self._near_copies.flags(document.text for document in again)
        for document, is_copy in zip(documents, flags, strict=True):
            if is_copy:
                self._corpus.sources[source.name].near_copies += 1
                beginning = shortened(document.text, 30)
                self._tally.count(NEAR_COPIES, f"{document.place}: {beginning}")
            else:
                yield document

    def _divide(self, source: str, document: Document, held_out: TextIO, blocks: Blocks) -> None:
        count, (place, text) = self._corpus.sources[source], document
        digest = digest_of(text)
        if self._config.split == BLOCKS:
            is_held_out = blocks.holds_out(text)
        else:
            is_held_out = digest % self._config.held_out_one_in == 0
        if not is_held_out:
            number = digest // self._config.held_out_one_in
            self._train.write(number, f"{source}\t{place}\t{text}\n")
            count.documents += 1
            count.characters += len(text)
        elif digest in self._first_held_out and not self._config.keep_duplicates:
            count.duplicates += 1
            self._tally.count(DUPLICATES, f"{place} repeats {self._first_held_out[digest]}")
        else:
            self._first_held_out.setdefault(digest, place)
            held_out.write(text + "\n")
            count.held_out_documents += 1
            count.held_out_characters += len(text)


def _training_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("train-*.txt"))


def _shuffle_file(
    path: Path, shuffle: random.Random, corpus: Corpus, tally: Tally, config: CorpusConfig
) -> None:
    first: dict[str, str] = {}
    texts = []
    # Split only at "\n": other ways of reading lines also end a document at "\r" or U+2028.
    for line in path.read_bytes().decode("utf-8").split("\n")[:-1]:
        source, place, text = line.split("\t", 2)
        if text in first and not config.keep_duplicates:
            tally.count(DUPLICATES, f"{place} repeats {first[text]}")
            count = corpus.sources[source]
            count.duplicates += 1
            count.documents -= 1
            count.characters -= len(text)
        else:
            first.setdefault(text, place)
            texts += [text + "\n"] * _copies(config.weights.get(source, 1.0), shuffle)
    shuffle.shuffle(texts)
    path.write_bytes("".join(texts).encode())


def _drop_overlap(out: Path, train: Sequence[Path], corpus: Corpus, tally: Tally) -> None:
    """Drop the held-out documents that share text with the training text."""
    files = {source: out / "held_out" / f"{source}.txt" for source in corpus.sources}
    overlap = Overlap(text for path in files.values() for text in read_documents(path))
    for path in train:
        overlap.read(read_documents(path))
    flags = iter(overlap.flags())
    for source, path in files.items():
        count, kept = corpus.sources[source], []
        for text in read_documents(path):
            if next(flags):
                tally.count(OVERLAP, f"{source}: {shortened(text, 30)}")
                count.held_out_near_copies += 1
                count.held_out_documents -= 1
                count.held_out_characters -= len(text)
            else:
                kept.append(text + "\n")
        path.write_bytes("".join(kept).encode())


def _copies(weight: float, chance: random.Random) -> int:
    whole = int(weight)
    return whole + (1 if weight > whole and chance.random() < weight - whole else 0)
