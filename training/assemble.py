"""A run and its shards -> an artifact in memory: weights, vocabulary, geometry, mixes."""

from collections.abc import Mapping
from dataclasses import replace

import torch

from biLM.artifact import Artifact
from biLM.encoder import Encoder
from biLM.geometry import Geometry
from biLM.scalar_mix import ScalarMix
from training.cells.choice import LSTM
from training.checkpoint import Checkpoint
from training.config import TrainConfig
from training.errors import TrainingError
from training.geometry import measured_geometry
from training.objective import BiLMObjective, build_objective
from training.shards import Shards

DEFAULT_WEIGHTS = (-1.0, 1.5)  # of the last layer but one, and of the last


def load_objective(checkpoint: Checkpoint, shards: Shards) -> BiLMObjective:
    """The trained model of a run with its heads, on the CPU.

    Raises:
        CheckpointError: the shards are of another vocabulary than the run's.
    """
    checkpoint.require_vocabulary(shards.vocabulary_sha256)
    objective = build_objective(checkpoint.config, shards)
    checkpoint.restore(objective)
    return objective.eval().requires_grad_(False)


def require_lstm(config: TrainConfig) -> None:
    """Make sure that an artifact can hold what a recipe trains.

    Raises:
        TrainingError: its cell is another than the LSTM.
    """
    if config.cell != LSTM:
        raise TrainingError(
            f"the run's cell is {config.cell!r}, and an artifact holds {LSTM} layers alone; its"
            f" figures are what `evaluate` tells: train with --set cell={LSTM} for an artifact"
        )


def require_tied(config: TrainConfig) -> None:
    """Make sure that a softmax by the piece embedding predicts what was learned.

    Raises:
        TrainingError: the recipe's softmax has vectors of its own.
    """
    if not config.tied:
        raise TrainingError(
            "the run's softmax is untied, and an artifact has no vectors for it but the piece"
            " embedding; its figures are what `evaluate` tells: train with --set tied=true for an"
            " artifact"
        )


def round_weights(objective: BiLMObjective) -> None:
    """Make the weights those that an artifact's file would hold: bfloat16."""
    with torch.no_grad():
        for parameter in objective.parameters():
            parameter.copy_(parameter.bfloat16())


def assemble(objective: BiLMObjective, config: TrainConfig, shards: Shards) -> Artifact:
    """The artifact of a trained model, as its file will hold it.

    Golden vectors and card are empty; `export` adds them.

    Args:
        objective: The model; its weights are rounded.
        config: The recipe it was trained by.
        shards: Its vocabulary and held-out text.

    Raises:
        TrainingError: the recipe's cell is not the LSTM.
    """
    require_lstm(config)
    round_weights(objective)
    sizes = objective.bilm.config
    artifact = Artifact(
        id=config.name,
        config=sizes,
        pieces_model=shards.vocabulary.read_bytes(),
        model=objective.bilm,
        heads=objective.heads,
        geometry=Geometry.neutral(sizes),
        mixes=standard_mixes(sizes.num_representations),
        golden=(),
        card={},
    )
    sources = list(shards.held_out().values())
    return replace(artifact, geometry=measured_geometry(Encoder(artifact), sources))


def standard_mixes(num_representations: int) -> Mapping[str, ScalarMix]:
    """The mixes every artifact has.

    `mean` weighs all representations alike, as an untrained ELMo does. `default` is for comparing
    words: the last layer less a part of the one below. With the residual connection between them
    that is, before any bound, 1.5 of what the last LSTM adds and 0.5 of what it reads;
    docs/decisions/0009 has the figures.
    """
    below, last = DEFAULT_WEIGHTS
    upper = (0.0,) * (num_representations - 2) + (below, last)
    return {
        "default": ScalarMix(upper[-num_representations:]),
        "mean": ScalarMix((1 / num_representations,) * num_representations),
    }
