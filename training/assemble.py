"""A run and its shards -> an artifact in memory: weights, vocabulary, mean vectors, mixes."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from biLM.artifact import Artifact
from biLM.encoder import Encoder
from biLM.passage import Passage
from biLM.readout import Readout
from biLM.scalar_mix import ScalarMix
from training.checkpoint import Checkpoint
from training.objective import BiLMObjective, build_objective
from training.shards import Shard, Shards

MAX_CENTER_ROWS = 4000  # held-out rows the mean vectors are taken over
ROWS_PER_CALL = 256
DEFAULT_WEIGHTS = (-1.0, 1.5)  # of the last layer but one, and of the last


def load_objective(checkpoint: Checkpoint, shards: Shards) -> BiLMObjective:
    """The trained model of a run with its heads, on the CPU.

    Raises:
        CheckpointError: the shards are of another vocabulary than the run's.
    """
    objective = build_objective(checkpoint.config, shards)
    checkpoint.restore(objective)
    return objective.eval().requires_grad_(False)


def assemble(objective: BiLMObjective, name: str, shards: Shards) -> Artifact:
    """The artifact of a trained model, as its file will hold it: weights rounded to bfloat16.

    Golden vectors and card are empty; `export` adds them.
    """
    with torch.no_grad():
        for parameter in objective.parameters():
            parameter.copy_(parameter.bfloat16())
    config = objective.bilm.config
    artifact = Artifact(
        id=name,
        config=config,
        pieces_model=shards.vocabulary.read_bytes(),
        model=objective.bilm,
        heads=objective.heads,
        center=torch.zeros(config.num_representations + 1, config.dim),
        mixes=standard_mixes(config.num_representations),
        golden=(),
        card={},
    )
    center = mean_vectors(Encoder(artifact), Shard.joined(list(shards.held_out().values())))
    return replace(artifact, center=center)


def standard_mixes(num_representations: int) -> Mapping[str, ScalarMix]:
    """The mixes every artifact has.

    `mean` weighs all representations alike, as an untrained ELMo does. `default` is for comparing
    words: the last layer less a part of the one below. With the residual connection between them
    that is 1.5 of what the last LSTM adds and 0.5 of what it reads, and tells senses apart better
    than any single layer; docs/decisions/0009 has the figures.
    """
    below, last = DEFAULT_WEIGHTS
    upper = (0.0,) * (num_representations - 2) + (below, last)
    return {
        "default": ScalarMix(upper[-num_representations:]),
        "mean": ScalarMix((1 / num_representations,) * num_representations),
    }


def mean_vectors(encoder: Encoder, shard: Shard) -> Tensor:
    """Mean of every layer over the pieces of some held-out rows, `[depth + 1, dim]`."""
    rows = torch.linspace(0, len(shard) - 1, min(MAX_CENTER_ROWS, len(shard))).long().tolist()
    everything = Readout(encoder.artifact.layers)
    total = np.zeros(encoder.artifact.center.shape)
    pieces = 0
    for begin in range(0, len(rows), ROWS_PER_CALL):
        ids = [tuple(shard.row(row).tolist()) for row in rows[begin : begin + ROWS_PER_CALL]]
        asked = [Passage(row, None, offsets=()) for row in ids]
        for vectors in encoder.embed(asked, [everything] * len(asked)):
            total += vectors.sum(axis=1, dtype=np.float64)
            pieces += vectors.shape[1]
    return torch.from_numpy(total / max(1, pieces)).float()
