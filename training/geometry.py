"""Held-out text -> the geometry of an artifact: mean vectors and bounds."""

from collections.abc import Sequence

import numpy as np
import torch

from biLM.encoder import Encoder
from biLM.geometry import Geometry
from biLM.passage import Passage
from biLM.readout import Readout
from training.shards import Shard

MAX_ROWS = 4000  # of all sources together, though at least one of each
ROWS_PER_CALL = 256
TINY = 1e-12  # the variance of a cell that never moves; its bound must be above 0


def measured_geometry(encoder: Encoder, sources: Sequence[Shard]) -> Geometry:
    """The mean vector of every layer and of the context, and the bounds of the layers.

    Every row of text counts alike, and no source gives more rows than its share, or the center
    would be that of the largest. What leaves an LSTM is bounded by its usual deviation: the median,
    over the dimensions, of the standard deviation. The piece embedding and the context are left as
    they are. docs/decisions/0016 has the figures. Without any text nothing is changed.
    """
    rows = sampled_rows(sources, MAX_ROWS)
    if not rows:
        return Geometry.neutral(encoder.artifact.config)
    everything = Readout(encoder.artifact.layers)
    moments = np.zeros((2, *encoder.artifact.geometry.center.shape))
    for begin in range(0, len(rows), ROWS_PER_CALL):
        asked = [Passage(ids, None, offsets=()) for ids in rows[begin : begin + ROWS_PER_CALL]]
        for found in encoder.embed(asked, [everything] * len(asked)):
            vectors = found.astype(np.float64)
            moments += vectors.mean(axis=1), np.square(vectors).mean(axis=1)
    mean, square = moments / len(rows)
    bound = np.median(np.sqrt(np.maximum(square - mean**2, TINY)), axis=1)
    bound[[0, -1]] = np.inf
    return Geometry(torch.from_numpy(mean).float(), torch.from_numpy(bound).float())


def sampled_rows(sources: Sequence[Shard], number: int) -> list[tuple[int, ...]]:
    """Piece ids of rows, about so many, drawn from all sources alike and always the same."""
    random = np.random.default_rng(0)
    share = max(1, number // max(1, len(sources)))
    rows = []
    for shard in sources:
        drawn = random.choice(len(shard), min(share, len(shard)), replace=False)
        rows += [tuple(shard.row(row).tolist()) for row in sorted(drawn.tolist())]
    return rows
