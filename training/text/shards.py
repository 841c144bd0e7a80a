"""Encode training text into memory-mapped rows of piece ids.

A row is what one LSTM pass reads: whole sentences of one document, at most `max_row_pieces`
including the boundary pieces that the batch adds. A shard consists of two arrays: the pieces of all
its rows, one row after the other, and the place where each row ends. The arrays are mapped, not
read, so a run's memory does not grow with its corpus.
"""

import hashlib
import re
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
        """How often each piece, boundaries of rows included, is predicted in training."""
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
        return {stem.name: Shard.open(stem) for stem in _stems(self.folder / "held_out", "*")}


def build_shards(
    corpus: Path,
    vocabulary: Path,
    out: Path,
    max_row_pieces: int = 64,
    one_sentence: bool = False,
) -> Shards:
    """Encode a corpus folder into a shard folder.

    Args:
        corpus: The folder that `build_corpus` wrote.
        vocabulary: The file of a sentencepiece model.
        out: The shard folder.
        max_row_pieces: Length of the longest row, boundaries included.
        one_sentence: Whether a row has at most one sentence; otherwise it has as many sentences of
            a document as fit.

    Raises:
        CorpusError: the corpus is missing or incomplete.
        ShardError: there is no text to train on, the vocabulary is missing or has more than 65,536
            pieces, or no piece fits into a row.
    """
    if max_row_pieces <= BOUNDARY_PIECES:
        raise ShardError(
            f"max_row_pieces is {max_row_pieces}; with its {BOUNDARY_PIECES} boundaries a row needs"
            f" at least {BOUNDARY_PIECES + 1}"
        )
    train = training_text(corpus)
    if not vocabulary.is_file():
        raise ShardError(f"{vocabulary} is no file; run `bilm train vocabulary`")
    processor = sentencepiece.SentencePieceProcessor(model_file=str(vocabulary))
    if len(processor) > np.iinfo(np.uint16).max + 1:
        raise ShardError(f"{vocabulary} has {len(processor)} pieces; ids are 16 bits wide")
    _make_empty(out)
    counts = np.zeros(len(processor), dtype=np.int64)
    num_rows = 0
    layout = max_row_pieces, one_sentence
    for path in train:
        shard = _write(out / path.stem, encode_rows(read_documents(path), processor, *layout))
        counts += np.bincount(shard.pieces, minlength=len(processor))
        num_rows += len(shard)
    if not num_rows:
        raise ShardError(f"{corpus} holds no text to train on; run `bilm train corpus`")
    counts[[processor.bos_id(), processor.eos_id()]] += num_rows
    characters = {}
    for path in sorted((corpus / "held_out").glob("*.txt")):
        _write(out / "held_out" / path.stem, encode_rows(read_documents(path), processor, *layout))
        characters[path.stem] = sum(len(text) for text in read_documents(path))
    np.save(out / "counts.npy", counts)
    (out / "pieces.model").write_bytes(vocabulary.read_bytes())
    manifest = ShardManifest(
        vocabulary_sha256=hashlib.sha256(vocabulary.read_bytes()).hexdigest(),
        max_row_pieces=max_row_pieces,
        one_sentence=one_sentence,
        num_pieces=len(processor),
        train_rows=num_rows,
        train_pieces=int(counts.sum()) - BOUNDARY_PIECES * num_rows,
        held_out_characters=characters,
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


def _make_empty(out: Path) -> None:
    """Create the folder, and remove the shards of another corpus from it."""
    (out / "held_out").mkdir(parents=True, exist_ok=True)
    (out / MANIFEST).unlink(missing_ok=True)
    for stale in [*out.glob("train-*.npy"), *(out / "held_out").glob("*.npy")]:
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


def _write(stem: Path, rows: Iterable[list[int]]) -> Shard:
    pieces: list[Ids] = []
    ends: list[int] = []
    end = 0
    for row in rows:
        pieces.append(np.array(row, dtype=np.uint16))
        end += len(row)
        ends.append(end)
    np.save(_file(stem, "pieces"), np.concatenate([np.empty(0, np.uint16), *pieces]))
    np.save(_file(stem, "ends"), np.array(ends, dtype=np.int64))
    return Shard.open(stem)


def _file(stem: Path, array: str) -> Path:
    return stem.with_name(f"{stem.name}.{array}.npy")


def _stems(folder: Path, pattern: str) -> list[Path]:
    files = sorted(folder.glob(f"{pattern}.ends.npy"))
    return [path.with_name(path.name.removesuffix(".ends.npy")) for path in files]
