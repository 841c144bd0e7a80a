"""Divide raw text files into shuffled training text and a held-out slice per source.

One line of an input is one document. A hash of its text alone decides whether it is held out, so a
document that occurs twice is never on both sides, and a new source moves no document to the other
side. The hash also chooses the training file, so all copies of a document are in one file, where
all but the first are dropped. Memory holds no more than one training file and the hashes of the
held-out documents, whatever the size of the corpus.
"""

import hashlib
import json
import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

from biLM.files import numbered_lines, to_json, write_atomically

from ..errors import CorpusError

SUFFIXES = (".txt", ".gz", ".xz")
FORMAT_VERSION = 2
# The manifest is written last, so a folder without it has an incomplete corpus.
MANIFEST = "corpus.json"
# The approximate size of a training file, which is shuffled in memory.
MAX_FILE_BYTES = 64 << 20
# Text takes about this many times the space of its .gz or .xz file.
PACKED_RATIO = 4
# More characters on one line are rarely meant to be one document.
LONG_DOCUMENT = 100_000


@dataclass(frozen=True)
class CorpusConfig:
    """Settings for dividing a corpus.

    Args:
        min_files: Least number of training files; a large corpus gets more, so that each is small
            enough to be shuffled in memory.
        held_out_one_in: One document in this many is held out of training.
        keep_duplicates: Whether to keep every copy of a document that occurs several times.
        weights: How many times each document of a source is trained on, by the source's name; 2.5
            means two or three times. Documents of a source that is not named are trained on once.
            For a duplicate, the first source decides.
        seed: Seed of the shuffle.
    """

    min_files: int = 8
    held_out_one_in: int = 200
    keep_duplicates: bool = False
    weights: Mapping[str, float] = field(default_factory=dict)
    seed: int = 1

    def __post_init__(self) -> None:
        if self.min_files < 1:
            raise CorpusError(f"min_files is {self.min_files}; it must be at least 1")
        if self.held_out_one_in < 2:
            raise CorpusError(f"held_out_one_in is {self.held_out_one_in}; it must be at least 2")
        for source, weight in self.weights.items():
            if not 0 < weight < math.inf:
                raise CorpusError(
                    f"the weight of {source} is {weight}; it must be above 0. Leave out the file of"
                    " a source that is not wanted"
                )


@dataclass
class SourceCount:
    """The counts of one source: distinct documents, their characters (code points), duplicates."""

    documents: int = 0
    characters: int = 0
    held_out_documents: int = 0
    held_out_characters: int = 0
    duplicates: int = 0


@dataclass
class Corpus:
    """What a corpus was made of.

    Args:
        sources: The counts of each source, by name.
        notes: What the corpus's owner should know: empty files, very long lines, duplicates.
    """

    sources: dict[str, SourceCount] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def count_duplicate(self, source: str, number: int, first: str) -> None:
        """Count a dropped line, and write a note about the first one of each source."""
        self.sources[source].duplicates += 1
        if self.sources[source].duplicates == 1:
            self.notes.append(
                f"{source} line {number} repeats {first}; duplicates of this source are dropped,"
                f" and {MANIFEST} counts them"
            )


def build_corpus(inputs: Sequence[Path], out: Path, config: CorpusConfig) -> Corpus:
    """Write `train-*.txt`, `held_out/<source>.txt` and, once they are complete, `corpus.json`.

    Raises:
        CorpusError: there is no input, two sources share a name, a weight names no source, a file
            cannot be read, or there is no text to train on.
    """
    sources = find_sources(inputs)
    if strangers := config.weights.keys() - sources.keys():
        raise CorpusError(f"weights name {sorted(strangers)}; the sources are {sorted(sources)}")
    (out / "held_out").mkdir(parents=True, exist_ok=True)
    (out / MANIFEST).unlink(missing_ok=True)
    # Files left by an earlier corpus would be read as part of this one.
    for stale in [*_training_files(out), *(out / "held_out").glob("*.txt")]:
        stale.unlink()
    num_files = max(config.min_files, -(-text_bytes(sources.values()) // MAX_FILE_BYTES))
    train_files = [out / f"train-{number:03d}.txt" for number in range(num_files)]
    corpus, first_held_out = Corpus(), dict[int, str]()
    with ExitStack() as stack:
        train = [stack.enter_context(path.open("w", encoding="utf-8")) for path in train_files]
        for source, path in sources.items():
            with (out / "held_out" / f"{source}.txt").open("w", encoding="utf-8") as held_out:
                _divide(source, path, train, held_out, first_held_out, corpus, config)
    if not any(count.documents for count in corpus.sources.values()):
        raise CorpusError(f"there is no text to train on in {[str(i) for i in inputs]}")
    shuffle = random.Random(config.seed)
    for path in train_files:
        _shuffle_file(path, shuffle, corpus, config)
    manifest = {"version": FORMAT_VERSION, **asdict(config), **asdict(corpus)}
    write_atomically(out / MANIFEST, to_json(manifest))
    return corpus


def find_sources(inputs: Sequence[Path]) -> dict[str, Path]:
    """Map the name of each source to its file; a folder stands for all text files in it."""
    sources: dict[str, Path] = {}
    for given in inputs:
        if not given.exists():
            raise CorpusError(f"{given} does not exist; name a text file or a folder of them")
        for path in sorted(given.iterdir()) if given.is_dir() else [given]:
            if path.suffix not in SUFFIXES:
                continue
            name = path.name.split(".")[0]
            if name in sources:
                raise CorpusError(f"{path} and {sources[name]} share the name {name}; rename one")
            sources[name] = path
    if not sources:
        raise CorpusError(f"no text in {[str(i) for i in inputs]}; files end in {list(SUFFIXES)}")
    return sources


def fingerprints(inputs: Sequence[Path]) -> dict[str, list[int]]:
    """Return the size and modification time of each source, by name, to recognise the same text."""
    found = {name: path.stat() for name, path in find_sources(inputs).items()}
    return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in found.items()}


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
    """Yield the documents of one file, one per line, leaving out blank lines.

    Raises:
        CorpusError: the file cannot be read as UTF-8.
    """
    return (text for _, text in _numbered_documents(path))


def text_bytes(paths: Iterable[Path]) -> int:
    """Estimate how many bytes of text the files contain."""
    sizes = ((path.stat().st_size, path.suffix != ".txt") for path in paths)
    return sum(size * (PACKED_RATIO if is_packed else 1) for size, is_packed in sizes)


def _training_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("train-*.txt"))


def _numbered_documents(path: Path) -> Iterator[tuple[int, str]]:
    with path.open("rb") as file:
        for number, line in numbered_lines(file, path, CorpusError):
            if text := line.strip():
                yield number, text


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _divide(
    source: str,
    path: Path,
    train: Sequence[TextIO],
    held_out: TextIO,
    first_held_out: dict[int, str],
    corpus: Corpus,
    config: CorpusConfig,
) -> None:
    """Write each document to the held-out file, or with source and line to a training file."""
    count = corpus.sources[source] = SourceCount()
    for number, text in _numbered_documents(path):
        if len(text) > LONG_DOCUMENT:
            corpus.notes.append(
                f"{path} line {number} has {len(text):,} characters; a line is one document, held"
                " out or trained on as a whole; break it at its paragraphs"
            )
        digest = _digest(text)
        if digest % config.held_out_one_in:
            file = train[digest // config.held_out_one_in % len(train)]
            file.write(f"{source}\t{number}\t{text}\n")
            count.documents += 1
            count.characters += len(text)
        elif digest in first_held_out and not config.keep_duplicates:
            corpus.count_duplicate(source, number, first_held_out[digest])
        else:
            first_held_out.setdefault(digest, f"{source} line {number}")
            held_out.write(text + "\n")
            count.held_out_documents += 1
            count.held_out_characters += len(text)
    if not count.documents + count.held_out_documents + count.duplicates:
        corpus.notes.append(f"{path} holds no text")


def _shuffle_file(path: Path, shuffle: random.Random, corpus: Corpus, config: CorpusConfig) -> None:
    first: dict[str, str] = {}
    texts = []
    # Split only at "\n": other ways of reading lines also end a document at "\r" or U+2028.
    for line in path.read_bytes().decode("utf-8").split("\n")[:-1]:
        source, number, text = line.split("\t", 2)
        if text in first and not config.keep_duplicates:
            corpus.count_duplicate(source, int(number), first[text])
            corpus.sources[source].documents -= 1
            corpus.sources[source].characters -= len(text)
        else:
            first.setdefault(text, f"{source} line {number}")
            texts += [text + "\n"] * _copies(config.weights.get(source, 1.0), shuffle)
    shuffle.shuffle(texts)
    path.write_text("".join(texts), encoding="utf-8")


def _copies(weight: float, chance: random.Random) -> int:
    whole = int(weight)
    return whole + (1 if weight > whole and chance.random() < weight - whole else 0)
