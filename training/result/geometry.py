"""Measure the geometry of an artifact on held-out text: mean vectors and bounds."""

from collections.abc import Sequence

import numpy as np
import torch

from biLM.encoder import Encoder
from biLM.network.geometry import Geometry
from biLM.questions.passage import Passage
from biLM.questions.readout import Readout

from ..text.shards import Shard

# The number of rows from all sources together.
MAX_ROWS = 4000
ROWS_PER_CALL = 256
# The least variance: the bound must be above 0 even for a cell that never moves.
TINY = 1e-12


def measured_geometry(
    encoder: Encoder, sources: Sequence[Shard], max_rows: int = MAX_ROWS
) -> Geometry:
    """Compute the mean vector of every layer and of the context, and the bounds of the layers.

    Every row of text counts the same, and no source gives more rows than its share; otherwise the
    centre would be that of the largest source. The output of an LSTM is bounded by its usual
    deviation, which is the median, over the dimensions, of the standard deviation. The piece
    embedding and the context have no bound; docs/decisions/0016 has the figures. Without any text
    the geometry is neutral.
    """
    rows = sampled_rows(sources, max_rows)
    if not rows:
        return Geometry.neutral(encoder.artifact.config)
    everything = Readout(encoder.artifact.layers)
    moments = np.zeros((2, *encoder.artifact.geometry.center.shape))
    for begin in range(0, len(rows), ROWS_PER_CALL):
        passages = [Passage(ids, None, offsets=()) for ids in rows[begin : begin + ROWS_PER_CALL]]
        for found in encoder.embed(passages, [everything] * len(passages)):
            vectors = found.astype(np.float64)
            moments += vectors.mean(axis=1), np.square(vectors).mean(axis=1)
    mean, square = moments / len(rows)
    bound = np.median(np.sqrt(np.maximum(square - mean**2, TINY)), axis=1)
    bound[[0, -1]] = np.inf
    return Geometry(torch.from_numpy(mean).float(), torch.from_numpy(bound).float())


def sampled_rows(sources: Sequence[Shard], number: int) -> list[tuple[int, ...]]:
    """Return the piece ids of about `number` rows, drawn evenly from the sources.

    The draw is random, but the same in every call. If there are more sources than rows, it draws
    the sources, too.
    """
    random = np.random.default_rng(0)
    if len(sources) > number:
        some = random.choice(len(sources), number, replace=False)
        sources = [sources[index] for index in sorted(some.tolist())]
    share = max(1, number // max(1, len(sources)))
    rows = []
    for shard in sources:
        drawn = random.choice(len(shard), min(share, len(shard)), replace=False)
        rows += [tuple(shard.row(row).tolist()) for row in sorted(drawn.tolist())]
    return rows
