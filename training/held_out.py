"""Held-out rows -> how well each head predicts them, by the full softmax in float32."""

from collections.abc import Iterator

import torch
from jaxtyping import Bool
from torch import Tensor

from biLM.heads import SIDES
from training.metrics import LanguageModelScore
from training.objective import BiLMObjective, Judged
from training.shards import Shard
from training.stream import Stream

BATCH_PIECES = 512  # small: a source of few rows fills few batches of each length


def score(
    objective: BiLMObjective,
    shard: Shard,
    max_batches: int | None = None,
    among: Bool[Tensor, " vocab"] | None = None,
) -> list[LanguageModelScore]:
    """Score the heads, in the order of `biLM.heads.SIDES`.

    Args:
        objective: The model.
        shard: The rows.
        max_batches: Read no more than this many, drawn at random but always the same.
        among: Count only the places where one of these pieces stands.
    """
    totals = [LanguageModelScore()] * len(SIDES)
    with torch.inference_mode():
        for judged in _judged(objective, shard, max_batches):
            counted = [j if among is None else j.only(among[j.targets]) for j in judged]
            found = [LanguageModelScore.of(j.nats, j.ranks) for j in counted]
            totals = [total + one for total, one in zip(totals, found, strict=True)]
    return totals


def _judged(
    objective: BiLMObjective, shard: Shard, max_batches: int | None
) -> Iterator[list[Judged]]:
    sizes = objective.bilm.config
    stream = Stream([shard], BATCH_PIECES, (sizes.bos_id, sizes.eos_id), seed=0)
    for number, batch in enumerate(stream.epoch_once()):
        if number == max_batches:
            return
        yield objective.judge(batch.to(objective.heads.bias.device))
