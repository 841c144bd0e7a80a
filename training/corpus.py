"""Raw text files -> shuffled training text and a held-out slice per source.

One line of an input is one document. A hash of its text alone decides whether it is held out,
so a document that occurs twice never stands on both sides, and adding a source moves nothing.
Memory stays at the size of one output file, whatever the size of the corpus.
"""

import gzip
import hashlib
import lzma
import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from biLM.files import to_json, write_atomically
from training.errors import CorpusError

SUFFIXES = (".txt", ".gz", ".xz")
FORMAT_VERSION = 1


@dataclass(frozen=True)
class CorpusConfig:
    """How a corpus is divided.

    Args:
        num_files: Output files; each is shuffled in memory, so more files need less memory.
        held_out_one_in: One document in this many is held out of training.
        seed: Of the shuffle.
    """

    num_files: int = 8
    held_out_one_in: int = 200
    seed: int = 1

    def __post_init__(self) -> None:
        if self.num_files < 1:
            raise CorpusError(f"num_files is {self.num_files}; it must be at least 1")
        if self.held_out_one_in < 2:
            raise CorpusError(f"held_out_one_in is {self.held_out_one_in}; it must be at least 2")


@dataclass
class SourceCount:
    """What one source gave: documents and characters (code points), trained on and held out."""

    documents: int = 0
    characters: int = 0
    held_out_documents: int = 0
    held_out_characters: int = 0


def build_corpus(inputs: Sequence[Path], out: Path, config: CorpusConfig) -> dict[str, SourceCount]:
    """Write `train-*.txt`, `held_out/<source>.txt` and `corpus.json` under `out`.

    Raises:
        CorpusError: no input, two sources of one name, or a line that is not UTF-8.
    """
    sources = find_sources(inputs)
    (out / "held_out").mkdir(parents=True, exist_ok=True)
    shuffle = random.Random(config.seed)
    for stale in training_text(out):  # of an earlier division into more files
        stale.unlink()
    train_files = [out / f"train-{number:03d}.txt" for number in range(config.num_files)]
    counts: dict[str, SourceCount] = {}
    with ExitStack() as stack:
        train = [stack.enter_context(path.open("w", encoding="utf-8")) for path in train_files]
        for source, path in sources.items():
            with (out / "held_out" / f"{source}.txt").open("w", encoding="utf-8") as held_out:
                counts[source] = _divide(path, train, held_out, config, shuffle)
    for path in train_files:
        _shuffle_file(path, shuffle)
    found = {name: asdict(count) for name, count in counts.items()}
    manifest = {"version": FORMAT_VERSION, **asdict(config), "sources": found}
    write_atomically(out / "corpus.json", to_json(manifest))
    return counts


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
    with _open(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                text = line.decode("utf-8").strip()
            except UnicodeDecodeError as error:
                raise CorpusError(f"{path} line {number} is not UTF-8 ({error.reason})") from error
            if text:
                yield text


def _open(path: Path) -> AbstractContextManager[Iterable[bytes]]:
    if path.suffix == ".xz":
        return lzma.open(path, "rb")
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    return path.open("rb")


def is_held_out(text: str, one_in: int) -> bool:
    """Whether a document is held out: a property of its text and of nothing else."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % one_in == 0


def _divide(
    path: Path,
    train: Sequence[TextIO],
    held_out: TextIO,
    config: CorpusConfig,
    shuffle: random.Random,
) -> SourceCount:
    count = SourceCount()
    for text in read_documents(path):
        if is_held_out(text, config.held_out_one_in):
            held_out.write(text + "\n")
            count.held_out_documents += 1
            count.held_out_characters += len(text)
        else:
            shuffle.choice(train).write(text + "\n")
            count.documents += 1
            count.characters += len(text)
    return count


def _shuffle_file(path: Path, shuffle: random.Random) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    shuffle.shuffle(lines)
    path.write_text("".join(lines), encoding="utf-8")
