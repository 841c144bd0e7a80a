"""Embed texts by the service, and cache the embeddings on disk.

A text is one row, which concatenates the text vectors of every pooling and layer. The rows of a
file are kept on disk as float16, in one .npy for each pooling, and are only read into memory when
they are used.
"""

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from examples.classifier.files import write_atomically
from examples.classifier.service import Service

CHUNK = 1024  # rows that are converted from float16 on disk to float32 at a time


@dataclass(frozen=True)
class Recipe:
    """Which vectors make up a row.

    Args:
        layers: "all", or a list as POST /embed takes it.
        poolings: Poolings of POST /embed; the model reads every text once for each.
        center: Subtract the artifact's mean vector of each layer, and bound what remains.
    """

    layers: str | list[int | str] = "all"
    poolings: tuple[str, ...] = ("mean", "max")
    center: bool = True

    def requests(self) -> list[dict[str, object]]:
        """Return the fields of POST /embed for each pooling."""
        common: dict[str, object] = {"level": "text", "layers": self.layers, "center": self.center}
        # float16 halves the bytes in transit and on disk; a classifier does not see the difference.
        # Of a text beyond the service's limit, only the beginning is read.
        common |= {"dtype": "float16", "truncate": "right"}
        return [common | {"pooling": pooling} for pooling in self.poolings]


class Embeddings:
    """The rows of some texts; they stay on disk until they are loaded."""

    def __init__(self, blocks: Sequence[npt.NDArray[np.float16]], rows: npt.NDArray[np.intp]):
        self._blocks = blocks
        self._rows = rows

    def take(self, rows: npt.NDArray[np.intp]) -> "Embeddings":
        """Return some of the rows, by their index in this object."""
        return Embeddings(self._blocks, self._rows[rows])

    def load(self) -> npt.NDArray[np.float32]:
        """Return all rows in memory, 4 bytes per value, without a second copy on the way."""
        width = sum(block.shape[1] for block in self._blocks)
        matrix = np.empty((len(self._rows), width), dtype=np.float32)
        left = 0
        for block in self._blocks:
            columns = slice(left, left + block.shape[1])
            for begin in range(0, len(self._rows), CHUNK):
                matrix[begin : begin + CHUNK, columns] = block[self._rows[begin : begin + CHUNK]]
            left = columns.stop
        return matrix


def embed(service: Service, texts: Sequence[str], recipe: Recipe) -> npt.NDArray[np.float32]:
    """Return the row of each text, straight from the service."""
    blocks = [_rows(service, texts, request) for request in recipe.requests()]
    return np.concatenate(blocks, axis=1).astype(np.float32)


def embed_file(
    service: Service, texts: Sequence[str], recipe: Recipe, *, cache: Path, name: str
) -> Embeddings:
    """Return the rows of a file's texts, from the cache if it has them.

    Args:
        service: The service that embeds the texts.
        texts: The texts, at least one.
        recipe: Which vectors to request.
        cache: Folder of the .npy files; they are keyed by model revision, recipe and texts.
        name: Name of the texts in the messages on progress.
    """
    blocks = []
    for request in recipe.requests():
        path = cache / f"{cache_key(service.revision, texts, request)}.npy"
        if not path.exists():
            print(f"embedding {name}, {request['pooling']}", file=sys.stderr)
            rows = _rows(service, texts, request, progress=True)
            write_atomically(path, partial(np.save, arr=rows))
        blocks.append(np.load(path, mmap_mode="r", allow_pickle=False))
    return Embeddings(blocks, np.arange(len(texts)))


def _rows(
    service: Service, texts: Sequence[str], request: Mapping[str, Any], *, progress: bool = False
) -> npt.NDArray[np.float16]:
    found = service.client.embed(texts, progress=progress, **request)
    return np.stack([embedding.vectors.reshape(-1) for embedding in found])  # (texts, layers * dim)


def cache_key(revision: str, texts: Sequence[str], request: dict[str, object]) -> str:
    """Return a file name that is unique to this model, these texts and this request."""
    digest = hashlib.sha256(json.dumps([revision, request], sort_keys=True).encode())
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:32]
