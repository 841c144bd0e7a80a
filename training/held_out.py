"""Held-out rows -> how well both language models predict them, by the full softmax in float32."""

from dataclasses import replace

import torch

from training.metrics import LanguageModelScore
from training.objective import BiLMObjective
from training.shards import Shard
from training.stream import Stream

BATCH_PIECES = 512  # small: a source of few rows fills few batches of each length


def score(
    objective: BiLMObjective, shard: Shard, characters: int, max_batches: int | None = None
) -> tuple[LanguageModelScore, LanguageModelScore]:
    """Score the forward and the backward model.

    Args:
        objective: The model.
        shard: The rows.
        characters: Code points of the text the rows were made of; 0 if nobody will ask.
        max_batches: Read no more than this many, drawn at random but always the same.
    """
    sizes = objective.bilm.config
    stream = Stream([shard], BATCH_PIECES, (sizes.bos_id, sizes.eos_id), seed=0)
    device = objective.bias.device
    nats, predictions = torch.zeros(2, dtype=torch.float64), 0
    with torch.inference_mode():
        for number, batch in enumerate(stream.epoch_once()):
            if number == max_batches:
                break
            nats += objective.nats(batch.to(device)).double().cpu()
            predictions += batch.num_predictions
    ahead, back = nats.tolist()
    forward = LanguageModelScore(ahead, predictions, characters)
    return forward, replace(forward, nats=back)
