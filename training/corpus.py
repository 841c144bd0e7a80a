"""Raw text files -> shuffled training text and a held-out slice per source.

One line of an input is one document. A hash of its text alone decides whether it is held out, and
which training file it goes to: a document that occurs twice never stands on both sides, its copies
meet in one file and all but one are dropped, and adding a source moves nothing. Memory stays at the
size of one training file, whatever the size of the corpus.
"""

import hashlib
import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

from biLM.files import to_json, unpacked, write_atomically
from training.errors import CorpusError

SUFFIXES = (".txt", ".gz", ".xz")
FORMAT_VERSION = 2
MAX_FILE_BYTES = 64 << 20  # of a training file, about: what is shuffled in memory
PACKED_RATIO = 4  # about what text gains by .gz or .xz
LONG_DOCUMENT = 100_000  # characters; more on one line is rarely meant


@dataclass(frozen=True)
class CorpusConfig:
    """How a corpus is divided.

    Args:
        min_files: Training files at least; a large corpus gets as many as keep each small enough
            to be shuffled in memory.
        held_out_one_in: One document in this many is held out of training.
        keep_duplicates: Train on every copy of a document that occurs several times.
        weights: How many times each document of a source is trained on, by its name; 2.5 means two
            or three times. Once where it is not named. Of a duplicate, the first source decides.
        seed: Of the shuffle.
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
    """What one source gave: different documents and their characters (code points)."""

    documents: int = 0
    characters: int = 0
    held_out_documents: int = 0
    held_out_characters: int = 0
    duplicates: int = 0


@dataclass
class Corpus:
    """What a corpus was made of.

    Args:
        sources: What each gave.
        notes: What its owner should know: empty files, endless lines, duplicates.
    """

    sources: dict[str, SourceCount] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def build_corpus(inputs: Sequence[Path], out: Path, config: CorpusConfig) -> Corpus:
    """Write `train-*.txt`, `held_out/<source>.txt` and `corpus.json` under `out`.

    Raises:
        CorpusError: no input, two sources of one name, a weight of none, a line that is not UTF-8,
            or no text at all.
    """
    sources = find_sources(inputs)
    if strangers := config.weights.keys() - sources.keys():
        raise CorpusError(f"weights name {sorted(strangers)}; the sources are {sorted(sources)}")
    (out / "held_out").mkdir(parents=True, exist_ok=True)
    for stale in [*training_text(out), *(out / "held_out").glob("*.txt")]:  # of another corpus
        stale.unlink()
    num_files = max(config.min_files, -(-text_bytes(sources.values()) // MAX_FILE_BYTES))
    train_files = [out / f"train-{number:03d}.txt" for number in range(num_files)]
    corpus = Corpus()
    with ExitStack() as stack:
        train = [stack.enter_context(path.open("w", encoding="utf-8")) for path in train_files]
        for source, path in sources.items():
            with (out / "held_out" / f"{source}.txt").open("w", encoding="utf-8") as held_out:
                corpus.sources[source] = _divide(path, train, held_out, config, corpus.notes)
    if not any(count.documents for count in corpus.sources.values()):
        raise CorpusError(f"there is no text to train on in {[str(i) for i in inputs]}")
    shuffle = random.Random(config.seed)
    for path in train_files:
        _shuffle_file(path, shuffle, corpus, config)
    manifest = {"version": FORMAT_VERSION, **asdict(config), **asdict(corpus)}
    write_atomically(out / "corpus.json", to_json(manifest))
    return corpus


def find_sources(inputs: Sequence[Path]) -> dict[str, Path]:
    """Map the name of each source to its file; a folder stands for every text file in it."""
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


def training_text(folder: Path) -> list[Path]:
    """The training files of a corpus folder."""
    return sorted(folder.glob("train-*.txt"))


def read_documents(path: Path) -> Iterator[str]:
    """The documents of one file, one a line, blank lines left out.

    Raises:
        CorpusError: a line is not UTF-8.
    """
    return (text for _, text in numbered_documents(path))


def is_held_out(text: str, one_in: int) -> bool:
    """Whether a document is held out: a property of its text and of nothing else."""
    return _digest(text) % one_in == 0


def numbered_documents(path: Path) -> Iterator[tuple[int, str]]:
    """The same with the number of the line each stands on, counted from 1."""
    with path.open("rb") as file:
        for number, line in enumerate(unpacked(file, path.suffix), start=1):
            try:
                text = line.decode("utf-8").strip()
            except UnicodeDecodeError as error:
                raise CorpusError(
                    f"{path} line {number} is not UTF-8 ({error.reason} at its byte"
                    f" {error.start}); convert the file, such as with iconv -t UTF-8"
                ) from error
            if text:
                yield number, text


def text_bytes(paths: Iterable[Path]) -> int:
    """About how many bytes of text the files hold."""
    sizes = ((path.stat().st_size, path.suffix != ".txt") for path in paths)
    return sum(size * (PACKED_RATIO if is_packed else 1) for size, is_packed in sizes)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _divide(
    path: Path,
    train: Sequence[TextIO],
    held_out: TextIO,
    config: CorpusConfig,
    notes: list[str],
) -> SourceCount:
    """Write each document of a source where it belongs, in training with source and line."""
    count = SourceCount()
    source = path.name.split(".")[0]
    for number, text in numbered_documents(path):
        if len(text) > LONG_DOCUMENT:
            notes.append(
                f"{path} line {number} has {len(text):,} characters; a line is one document, held"
                " out or trained on as a whole; break it at its paragraphs"
            )
        digest = _digest(text)
        if digest % config.held_out_one_in == 0:
            held_out.write(text + "\n")
            count.held_out_documents += 1
            count.held_out_characters += len(text)
        else:
            file = train[digest // config.held_out_one_in % len(train)]
            file.write(f"{source}\t{number}\t{text}\n")
            count.documents += 1
            count.characters += len(text)
    if not count.documents + count.held_out_documents:
        notes.append(f"{path} holds no text")
    return count


def _shuffle_file(path: Path, shuffle: random.Random, corpus: Corpus, config: CorpusConfig) -> None:
    first: dict[str, str] = {}
    texts = []
    # Split at "\n" alone: other ways of reading lines also end a document at "\r" or U+2028.
    for line in path.read_bytes().decode("utf-8").split("\n")[:-1]:
        source, number, text = line.split("\t", 2)
        if text in first and not config.keep_duplicates:
            count = corpus.sources[source]
            count.duplicates += 1
            count.documents -= 1
            count.characters -= len(text)
            if count.duplicates == 1:
                corpus.notes.append(
                    f"{source} line {number} repeats {first[text]}; duplicates of this source are"
                    " dropped, and corpus.json counts them"
                )
        else:
            first.setdefault(text, f"{source} line {number}")
            texts += [text + "\n"] * _copies(config.weights.get(source, 1.0), shuffle)
    shuffle.shuffle(texts)
    path.write_text("".join(texts), encoding="utf-8")


def _copies(weight: float, chance: random.Random) -> int:
    whole = int(weight)
    return whole + (1 if weight > whole and chance.random() < weight - whole else 0)
