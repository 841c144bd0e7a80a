"""Score how well each head predicts held-out rows, by the full softmax in float32."""

from collections.abc import Iterator, Sequence

import torch

from biLM.network.heads import SIDES

from ..text.shards import Shard
from .metrics import LanguageModelScore
from .objective import BiLMObjective, Judged
from .stream import Stream

# Batches are small because a source with few rows fills few batches of each length.
BATCH_PIECES = 512
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
    for number, batch in enumerate(stream.epoch_once()):
        if number == max_batches:
            return
        with torch.inference_mode():  # not around the yield: the mode would reach the caller
            judged = objective.judge(batch.to(objective.heads.bias.device))
        yield judged


def added(scores: Scores, judged: Sequence[Judged]) -> Scores:
    """Return the scores of the heads with more predictions added."""
    found = (LanguageModelScore.of(one.nats, one.ranks) for one in judged)
    return tuple(score + one for score, one in zip(scores, found, strict=True))
