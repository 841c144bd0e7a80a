"""Encode training text into memory-mapped rows of piece ids.

A row is what one LSTM pass reads: whole sentences of one document, at most `max_row_pieces`
including the boundary pieces that the batch adds. A shard consists of two arrays: the pieces of all
its rows, one row after the other, and the place where each row ends. The arrays are mapped, not
read, so a run's memory does not grow with its corpus. The held-out rows of all sources are joined
in one shard, so that the number of open files does not grow with the number of sources.
"""

import hashlib
import math
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import sentencepiece

from biLM.network.config import BOUNDARY_PIECES
from biLM.tokenizer import without_nul

from ..errors import ShardError
from .corpus import read_documents, training_text
from .shard_manifest import MANIFEST, ShardManifest

SENTENCES = re.compile(r"[^。！？；!?]*[。！？；!?]+[”’」』）)]*|.+", re.DOTALL)
DOCUMENTS_PER_CALL = 4096
HELD_OUT = "held_out"
Ids = npt.NDArray[np.uint16]


@dataclass(frozen=True)
class Shard:
    """Rows of piece ids, mapped from two files."""

    pieces: Ids
    ends: npt.NDArray[np.int64]

    @classmethod
    def open(cls, stem: Path) -> "Shard":
        """Map the shard whose files begin with `stem`."""
        try:
            pieces = np.load(_file(stem, "pieces"), mmap_mode="r")
            ends = np.load(_file(stem, "ends"), mmap_mode="r")
        except (OSError, ValueError) as error:
            raise ShardError(f"shard {stem} is damaged ({error}); make the shards again") from error
        return cls(pieces, ends)

    @classmethod
    def joined(cls, shards: Sequence["Shard"]) -> "Shard":
        """Join the rows of several shards into one shard in memory."""
        starts = np.cumsum([0, *(len(shard.pieces) for shard in shards)])[:-1]
        ends = [shard.ends + start for shard, start in zip(shards, starts, strict=True)]
        return cls(np.concatenate([shard.pieces for shard in shards]), np.concatenate(ends))

    def part(self, begin: int, end: int) -> "Shard":
        """Return the rows from `begin` to before `end`; their pieces stay mapped."""
        bounds = [int(self.ends[row - 1]) if row else 0 for row in (begin, end)]
        return Shard(self.pieces[slice(*bounds)], self.ends[begin:end] - bounds[0])

    @cached_property
    def lengths(self) -> npt.NDArray[np.int64]:
        """The number of pieces in each row."""
        return np.diff(self.ends, prepend=0)

    def row(self, index: int) -> Ids:
        """Return the piece ids of one row, without boundaries."""
        begin = self.ends[index - 1] if index else 0
        return self.pieces[begin : self.ends[index]]

    def __len__(self) -> int:
        return len(self.ends)


@dataclass(frozen=True)
class Shards:
    """A folder of shards: the training rows, the held-out rows by source, and the vocabulary."""

    folder: Path

    def __post_init__(self) -> None:
        # Refuse a folder that has no manifest, or that of another version, as soon as it is named.
        _ = self.manifest

    @cached_property
    def manifest(self) -> ShardManifest:
        """The facts that `build_shards` recorded."""
        return ShardManifest.read(self.folder)

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """The number of times that training predicts each piece, boundary pieces included."""
        counts: npt.NDArray[np.int64] = np.load(self.folder / "counts.npy")
        return counts

    @property
    def vocabulary(self) -> Path:
        """The file of the sentencepiece model that the ids belong to."""
        return self.folder / "pieces.model"

    def train(self) -> list[Shard]:
        """Open the shards to train on."""
        return [Shard.open(stem) for stem in _stems(self.folder, "train-*")]

    def held_out(self) -> dict[str, Shard]:
        """Open the held-out rows of each source."""
        if not self.manifest.held_out_rows:  # version 1, or nothing is held out
            return {stem.name: Shard.open(stem) for stem in _stems(self.folder / HELD_OUT, "*")}
        joined, found, begin = Shard.open(self.folder / HELD_OUT), {}, 0
        for source, number in self.manifest.held_out_rows.items():
            found[source] = joined.part(begin, begin + number)
            begin += number
        return found


def build_shards(
    corpus: Path,
    vocabulary: Path,
    out: Path,
    max_row_pieces: int = 64,
    one_sentence: bool = False,
    max_characters: int | float = math.inf,
) -> Shards:
    """Encode a corpus folder into a shard folder.

    Args:
        corpus: The folder that `build_corpus` wrote.
        vocabulary: The file of a sentencepiece model.
        out: The shard folder.
        max_row_pieces: Length of the longest row, boundaries included.
        one_sentence: Whether a row has at most one sentence; otherwise it has as many sentences of
            a document as fit.
        max_characters: Encode about this many characters of the text to train on. They are a
            random sample, because a hash chose the file of each document and the files are
            shuffled.

    Raises:
        CorpusError: the corpus is missing or incomplete.
        ShardError: there is no text to train on, the vocabulary is missing or has more than 65,536
            pieces, or no piece fits into a row.
    """
    processor, train = _checked(corpus, vocabulary, max_row_pieces)
    _make_empty(out)
    layout = max_row_pieces, one_sentence
    counts = np.zeros(len(processor), dtype=np.int64)
    num_rows, sample, digest = 0, _Sample(max_characters), hashlib.sha256()
    for path in train:
        rows = _Rows()
        rows.extend(encode_rows(sample.of(read_documents(path)), processor, *layout))
        shard = rows.save(out / path.stem)
        counts += np.bincount(shard.pieces, minlength=len(processor))
        num_rows += len(shard)
        for values in (shard.ends, shard.pieces):
            digest.update(values.data)
    if not num_rows:
        raise ShardError(f"{corpus} holds no text to train on; run `bilm train corpus`")
    counts[[processor.bos_id(), processor.eos_id()]] += num_rows
    held_out_rows, held_out_characters = _save_held_out(corpus, out, processor, layout)
    np.save(out / "counts.npy", counts)
    (out / "pieces.model").write_bytes(vocabulary.read_bytes())
    manifest = ShardManifest(
        vocabulary_sha256=hashlib.sha256(vocabulary.read_bytes()).hexdigest(),
        max_row_pieces=max_row_pieces,
        one_sentence=one_sentence,
        num_pieces=len(processor),
        train_rows=num_rows,
        train_pieces=int(counts.sum()) - BOUNDARY_PIECES * num_rows,
        train_characters=sample.num_characters,
        rows_sha256=digest.hexdigest(),
        held_out_rows=held_out_rows,
        held_out_characters=held_out_characters,
    )
    manifest.write(out)
    return Shards(out)


def encode_rows(
    documents: Iterable[str],
    processor: sentencepiece.SentencePieceProcessor,
    max_row_pieces: int,
    one_sentence: bool = False,
) -> Iterator[list[int]]:
    """Yield the rows of each document: as many whole sentences as fit, or one sentence per row."""
    limit = max_row_pieces - BOUNDARY_PIECES
    stream = iter(documents)
    while group := list(islice(stream, DOCUMENTS_PER_CALL)):
        sentences = [SENTENCES.findall(text) for text in group]
        encoded = iter(processor.encode([without_nul(s) for parts in sentences for s in parts]))
        for parts in sentences:
            ids = [next(encoded) for _ in parts]
            for together in [[one] for one in ids] if one_sentence else [ids]:
                yield from _pack(together, limit)


def _checked(
    corpus: Path, vocabulary: Path, max_row_pieces: int
) -> tuple[sentencepiece.SentencePieceProcessor, list[Path]]:
    """Return the vocabulary and the files to train on, if shards can be made of them."""
    if max_row_pieces <= BOUNDARY_PIECES:
        raise ShardError(
            f"max_row_pieces is {max_row_pieces}; with its {BOUNDARY_PIECES} boundaries a row needs"
            f" at least {BOUNDARY_PIECES + 1}"
        )
    train = training_text(corpus)
    if not vocabulary.is_file():
        raise ShardError(f"{vocabulary} is not a file; run `bilm train vocabulary`")
    processor = sentencepiece.SentencePieceProcessor(model_file=str(vocabulary))
    if len(processor) > np.iinfo(np.uint16).max + 1:
        raise ShardError(f"{vocabulary} has {len(processor)} pieces; ids are 16 bits wide")
    return processor, train


def _save_held_out(
    corpus: Path,
    out: Path,
    processor: sentencepiece.SentencePieceProcessor,
    layout: tuple[int, bool],
) -> tuple[dict[str, int], dict[str, int]]:
    """Write the held-out rows of all sources as one shard; return rows and characters of each."""
    held_out, num_rows, characters = _Rows(), {}, {}
    for path in sorted((corpus / "held_out").glob("*.txt")):
        source = _Sample(math.inf)
        rows = encode_rows(source.of(read_documents(path)), processor, *layout)
        num_rows[path.stem] = held_out.extend(rows)
        characters[path.stem] = source.num_characters
    held_out.save(out / HELD_OUT)
    return num_rows, characters


def _make_empty(out: Path) -> None:
    """Create the folder, and remove the shards of another corpus from it."""
    out.mkdir(parents=True, exist_ok=True)
    (out / MANIFEST).unlink(missing_ok=True)
    for stale in [*out.glob("train-*.npy"), *(out / HELD_OUT).glob("*.npy")]:
        stale.unlink()


def _pack(sentences: Sequence[list[int]], limit: int) -> Iterator[list[int]]:
    row: list[int] = []
    for sentence in sentences:
        if row and len(row) + len(sentence) > limit:
            yield row
            row = []
        row = row + sentence
        while len(row) > limit:
            yield row[:limit]
            row = row[limit:]
    if row:
        yield row


class _Rows:
    """Rows in memory, which take as many bytes as the files of their shard."""

    def __init__(self) -> None:
        self._pieces, self._ends = array("H"), array("q")

    def extend(self, rows: Iterable[list[int]]) -> int:
        """Add rows, and return their number."""
        before = len(self._ends)
        for row in rows:
            self._pieces.extend(row)
            self._ends.append(len(self._pieces))
        return len(self._ends) - before

    def save(self, stem: Path) -> Shard:
        """Write the two files of a shard, and map them."""
        np.save(_file(stem, "pieces"), np.asarray(self._pieces, dtype=np.uint16))
        np.save(_file(stem, "ends"), np.asarray(self._ends, dtype=np.int64))
        return Shard.open(stem)


@dataclass
class _Sample:
    """Lets documents pass until they have `max_characters`, and counts the characters."""

    max_characters: int | float
    num_characters: int = 0

    def of(self, documents: Iterable[str]) -> Iterator[str]:
        """Yield documents until those that were yielded reach the limit."""
        for text in documents:
            if self.num_characters >= self.max_characters:
                return
            self.num_characters += len(text)
            yield text


def _file(stem: Path, content: str) -> Path:
    return stem.with_name(f"{stem.name}.{content}.npy")


def _stems(folder: Path, pattern: str) -> list[Path]:
    files = sorted(folder.glob(f"{pattern}.ends.npy"))
    return [path.with_name(path.name.removesuffix(".ends.npy")) for path in files]
