"""Score how well each head predicts held-out rows, by the full softmax in float32."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch

from biLM.network.heads import SIDES
from biLM.reading.precision import without_tf32

from ..text.shards import Shard
from .metrics import LanguageModelScore
from .objective import BiLMObjective, Judged
from .stream import Stream

# Batches are small because a source with few rows fills few batches of each length.
BATCH_PIECES = 512
# Held-out text is read in parts of about this many pieces; they and their plan take some 100 MB.
PART_PIECES = 1 << 22
Scores = tuple[LanguageModelScore, ...]
NO_SCORES: Scores = (LanguageModelScore(),) * len(SIDES)


def score(objective: BiLMObjective, shard: Shard, max_batches: int | None = None) -> Scores:
    """Score the heads, in the order of `biLM.network.heads.SIDES`.

    Args:
        objective: The model to score.
        shard: The rows to read.
        max_batches: Read at most this many batches, drawn at random but always the same.
    """
    scores = NO_SCORES
    for judged in judgements(objective, shard, max_batches):
        scores = added(scores, judged)
    return scores


def judgements(
    objective: BiLMObjective, shard: Shard, max_batches: int | None = None
) -> Iterator[list[Judged]]:
    """Yield how each head did on the rows, batch by batch."""
    sizes = objective.bilm.config
    stream = Stream([shard], BATCH_PIECES, (sizes.bos_id, sizes.eos_id), seed=0)
    device = objective.heads.bias.device
    for number, batch in enumerate(stream.epoch_once()):
        if number == max_batches:
            return
        # Not around the yield: the mode would reach the caller.
        with torch.inference_mode(), without_tf32(device):
            judged = objective.judge(batch.to(device))
        yield judged


def joined_in_parts(shards: Iterable[Shard]) -> Iterator[Shard]:
    """Join shards to a few, each of which fits into memory, in the same order.

    Many small shards make batches with few rows; one shard of all would grow with the text.
    """
    some: list[Shard] = []
    pieces = 0
    for shard in shards:
        some.append(shard)
        pieces += len(shard.pieces)
        if pieces >= PART_PIECES:
            yield Shard.joined(some)
            some, pieces = [], 0
    if some:
        yield Shard.joined(some)


def sampled(shards: Iterable[Shard]) -> Shard:
    """Return the rows of all shards or, if these are too many for memory, every n-th of them."""
    every = list(shards)
    step = -(-sum(len(one.pieces) for one in every) // PART_PIECES)
    if step <= 1:
        return Shard.joined(every)
    rows = [one.row(row) for one in every for row in range(0, len(one), step)]
    return Shard(np.concatenate(rows), np.cumsum([len(row) for row in rows]))


def added(scores: Scores, judged: Sequence[Judged]) -> Scores:
    """Return the scores of the heads with more predictions added."""
    found = (LanguageModelScore.of(one.nats, one.ranks) for one in judged)
    return tuple(score + one for score, one in zip(scores, found, strict=True))
