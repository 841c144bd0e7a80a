"""Turn shards into batches of a few fixed shapes, in an order that only seed and epoch decide.

Rows of similar length share a batch. A batch of short rows has more rows, so that every batch has
about the same number of pieces, but never fewer rows than keep a matrix unit busy. oneDNN builds a
primitive for each shape, and a new shape in every step would cost more than the step itself. So
lengths are rounded up, and missing rows are empty.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Int
from torch import Tensor

from biLM.network.config import BOUNDARY_PIECES

from ..text.shards import Shard

# Row lengths are rounded up to a multiple of this, which leaves 16 shapes up to length 64.
LENGTH_STEP = 4
# A matrix unit takes this many rows at once; larger numbers of rows are rounded to a multiple.
ROW_STEP = 16


@dataclass(frozen=True)
class Position:
    """A place in the stream: the epoch, and the number of its batches that have been read."""

    epoch: int = 0
    batch: int = 0


@dataclass(frozen=True)
class Batch:
    """Rows with their boundary pieces, padded on the right; an empty row has length 0."""

    ids: Int[Tensor, "batch time"]
    lengths: Int[Tensor, " batch"]

    @property
    def num_predictions(self) -> int:
        """The number of pieces one direction predicts: all of a row but the one it starts from."""
        return self._places(beyond=1)

    @property
    def num_places(self) -> Int[Tensor, " side"]:
        """The number of pieces that the forward, the backward and the cloze head predict."""
        return torch.tensor([self.num_predictions, self.num_predictions, self._places(beyond=2)])

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on another device.

        From memory that cannot be paged out, a GPU copies while this process goes on.
        """
        if device.type != "cuda":
            return Batch(self.ids.to(device), self.lengths.to(device))
        ids, lengths = (one.pin_memory() for one in (self.ids, self.lengths))
        return Batch(ids.to(device, non_blocking=True), lengths.to(device, non_blocking=True))

    def _places(self, beyond: int) -> int:
        return int((self.lengths - beyond).clamp(min=0).sum())


@dataclass(frozen=True)
class Stream:
    """An endless sequence of batches over shards.

    Args:
        shards: The rows to read.
        batch_pieces: Approximate number of pieces in a batch, padding included.
        boundaries: Piece ids (begin, end) put around every row.
        seed: Seed of the order.
        min_rows: Least number of rows in a batch.
    """

    shards: Sequence[Shard]
    batch_pieces: int
    boundaries: tuple[int, int]
    seed: int
    min_rows: int = 1

    def batches(self, start: Position) -> Iterator[tuple[Position, Batch]]:
        """Yield the batches from `start` on, each with the position that follows it."""
        epoch, skip = start.epoch, start.batch
        while True:
            for number, (shard, rows, length) in enumerate(self._plan(epoch), start=1):
                if number > skip:
                    yield Position(epoch, number), self._assemble(shard, rows, length)
            epoch, skip = epoch + 1, 0

    def epoch_once(self) -> Iterator[Batch]:
        """Yield batches with every row once, as a score on held-out text reads them."""
        for shard, rows, length in self._plan(epoch=0):
            yield self._assemble(shard, rows, length)

    def _plan(self, epoch: int) -> Iterator[tuple[Shard, npt.NDArray[np.int64], int]]:
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.shards))
        for index in order:
            shard = self.shards[index]
            random = np.random.default_rng((self.seed, epoch, int(index)))
            plan = list(self._rectangles(shard, random))
            for number in random.permutation(len(plan)):
                yield shard, *plan[number]

    def _rectangles(
        self, shard: Shard, random: np.random.Generator
    ) -> Iterator[tuple[npt.NDArray[np.int64], int]]:
        shuffled = random.permutation(len(shard))
        padded = shard.lengths[shuffled] + BOUNDARY_PIECES
        padded = -(-padded // LENGTH_STEP) * LENGTH_STEP
        for length in np.unique(padded):
            rows = shuffled[padded == length]
            num_rows = self._num_rows(int(length))
            for begin in range(0, len(rows), num_rows):
                yield rows[begin : begin + num_rows], int(length)

    def _assemble(self, shard: Shard, rows: npt.NDArray[np.int64], length: int) -> Batch:
        num_rows = self._num_rows(length)
        ids = np.zeros((num_rows, length), dtype=np.int64)
        lengths = np.zeros(num_rows, dtype=np.int64)
        begin, end = self.boundaries
        inside = shard.lengths[rows]
        lengths[: len(rows)] = inside + BOUNDARY_PIECES
        filled, column = ids[: len(rows)], np.arange(length)
        filled[:, 0] = begin
        filled[np.arange(len(rows)), inside + 1] = end
        # A mask takes its values row by row; so the places of the pieces are in that order, too.
        before = np.cumsum(inside) - inside
        places = np.repeat(shard.ends[rows] - inside - before, inside) + np.arange(inside.sum())
        filled[(column > 0) & (column <= inside[:, None])] = shard.pieces[places]
        return Batch(torch.from_numpy(ids), torch.from_numpy(lengths))

    def _num_rows(self, length: int) -> int:
        rows = max(1, self.min_rows, self.batch_pieces // length)
        if rows < ROW_STEP:
            return rows
        at_least = -(-self.min_rows // ROW_STEP) * ROW_STEP
        return max(at_least, round(rows / ROW_STEP) * ROW_STEP)
