"""Labelled texts, as examples with a sequence of piece vectors for each text."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
import numpy.typing as npt

from examples.classifier.embeddings import cache_key
from examples.classifier.errors import DataError
from examples.classifier.files import write_atomically
from examples.classifier.service import Service
from examples.tasks.mixed import Array, Numbers
from examples.tasks.texts import Texts

# This many texts are embedded at a time, because their vectors are in memory together.
CHUNK = 4096
# At most this many pieces, from the beginning of a text, are used.
MAX_PIECES = 256


@dataclass(frozen=True)
class Sequences:
    """The vectors of the pieces of some texts; they stay on disk until they are used.

    Args:
        vectors: The vectors of one text after the other, `[pieces, dim]`.
        begins: Index of the first row of each text.
        lengths: Number of rows of each text.
    """

    vectors: npt.NDArray[np.float16]
    begins: Numbers
    lengths: Numbers

    def __len__(self) -> int:
        return len(self.begins)

    def take(self, items: Numbers) -> "Sequences":
        """Return the sequences of some of the texts."""
        return replace(self, begins=self.begins[items], lengths=self.lengths[items])

    def padded(self) -> Array:
        """Return the vectors as `[texts, longest, dim]`, with zeros after the end of a text."""
        shape = len(self), self.lengths.max(initial=1), self.vectors.shape[1]
        padded = np.zeros(shape, np.float32)
        for row, begin, length in zip(padded, self.begins, self.lengths, strict=True):
            row[:length] = self.vectors[begin : begin + length]
        return padded

    def means(self) -> Array:
        """Return the mean over the pieces, `[texts, dim]`; zero for a text without pieces."""
        rows = zip(self.begins, np.maximum(self.lengths, 1), strict=True)
        sums = [self.vectors[a : a + n].sum(axis=0, dtype=np.float32) / n for a, n in rows]
        return np.stack(sums) * (self.lengths > 0)[:, None]


@dataclass(frozen=True)
class SequencedTexts(Texts):
    """Labelled texts with their sequences; their only layer is the mean over the pieces."""

    sequences: Sequences

    @classmethod
    def of(cls, texts: Sequence[str], targets: Numbers, sequences: Sequences) -> Self:
        """Return the examples for texts, the class of each, and its sequence of vectors."""
        return cls(texts, targets, sequences.means()[:, None], sequences)

    def take(self, items: Numbers) -> Self:
        """Return some of the texts."""
        return replace(super().take(items), sequences=self.sequences.take(items))


def embed_pieces(
    service: Service, texts: Sequence[str], layer: int, *, cache: Path, name: str
) -> Sequences:
    """Return one layer's vector of every piece, from the cache if it has them.

    Args:
        service: The service that embeds the texts.
        texts: The texts, at least one.
        layer: Number of the layer.
        cache: Folder of the cached files, which take 2 bytes for each number.
        name: Name of the texts in the messages on progress.

    Raises:
        DataError: the texts have no pieces.
    """
    request = {"level": "piece", "layers": [layer], "center": True, "dtype": "float16"}
    request["truncate"] = "right"
    key = cache_key(service.revision, texts, request)
    vectors, lengths = cache / f"{key}.float16", cache / f"{key}.lengths.npy"
    if not (vectors.exists() and lengths.exists()):
        print(f"embedding {name}, every piece", file=sys.stderr)
        found: list[int] = []
        write_atomically(vectors, partial(_write, service, texts, request, found))
        write_atomically(lengths, partial(np.save, arr=np.array(found)))
    counts = np.load(lengths, allow_pickle=False)
    if not counts.any():
        raise DataError(f"the texts of {name} have no piece")
    begins = np.cumsum(counts) - counts
    on_disk = np.memmap(vectors, np.float16, "r").reshape(counts.sum(), -1)
    return Sequences(on_disk, begins, np.minimum(counts, MAX_PIECES))


def _write(
    service: Service,
    texts: Sequence[str],
    request: dict[str, object],
    lengths: list[int],
    file: BinaryIO,
) -> None:
    for begin in range(0, len(texts), CHUNK):
        found = service.client.embed(texts[begin : begin + CHUNK], progress=True, **request)
        for embedding in found:
            (rows,) = embedding.vectors  # there is one layer
            file.write(np.ascontiguousarray(rows))
            lengths.append(len(rows))
