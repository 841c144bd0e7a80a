"""Build an artifact in memory from a run and its shards: weights, vocabulary, geometry, mixes."""

from collections.abc import Mapping
from dataclasses import replace

from biLM.artifact import Artifact, round_weights
from biLM.encoder import Encoder
from biLM.network.geometry import Geometry
from biLM.network.scalar_mix import ScalarMix

from ..choices import LSTM
from ..errors import TrainingError
from ..run.checkpoint import Checkpoint
from ..run.config import TrainConfig
from ..run.device import choose_device
from ..run.objective import BiLMObjective, build_objective
from ..text.shards import Shards
from .geometry import MAX_ROWS, measured_geometry

# The weights of the last layer but one and of the last layer in the mix `default`.
DEFAULT_WEIGHTS = (-1.0, 1.5)


def load_objective(checkpoint: Checkpoint, shards: Shards) -> BiLMObjective:
    """Load the trained model of a run with its heads, on the CPU.

    Raises:
        CheckpointError: the shards have another vocabulary than the run.
    """
    checkpoint.require_vocabulary(shards.manifest.vocabulary_sha256)
    objective = build_objective(checkpoint.config, shards)
    checkpoint.restore(objective)
    return objective.eval().requires_grad_(False)


def require_lstm(config: TrainConfig) -> None:
    """Refuse a recipe whose cell an artifact cannot hold.

    Raises:
        TrainingError: the recipe's cell is not the LSTM.
    """
    if config.cell != LSTM:
        raise TrainingError(
            f"the run's cell is {config.cell!r}, but an artifact can only hold {LSTM} layers;"
            " `evaluate` reports the figures of the run; for an artifact, train with"
            f" --set cell={LSTM}"
        )


def require_tied(config: TrainConfig) -> None:
    """Refuse a recipe with an untied softmax.

    An artifact's softmax uses the piece embedding, which would not predict what was learned.

    Raises:
        TrainingError: the recipe's softmax has vectors of its own.
    """
    if not config.tied:
        raise TrainingError(
            "the run's softmax is untied, but an artifact has no vectors for it except the piece"
            " embedding; `evaluate` reports the figures of the run; for an artifact, train with"
            " --set tied=true"
        )


def assemble(
    objective: BiLMObjective, config: TrainConfig, shards: Shards, max_rows: int = MAX_ROWS
) -> Artifact:
    """Build the artifact of a trained model, as its file will hold it.

    The golden vectors and the card are empty; `export` adds them.

    Args:
        objective: The trained model, on the CPU. Its weights are rounded in place.
        config: The recipe it was trained with.
        shards: The shards with its vocabulary and held-out text.
        max_rows: The number of held-out rows to measure the geometry from.

    Raises:
        TrainingError: the recipe's cell is not the LSTM.
    """
    require_lstm(config)
    round_weights(objective)
    artifact = bare_artifact(objective, config.name, shards)
    sources = list(shards.held_out().values())
    encoder = Encoder(artifact, device=choose_device())
    return replace(artifact, geometry=measured_geometry(encoder, sources, max_rows))


def bare_artifact(objective: BiLMObjective, name: str, shards: Shards) -> Artifact:
    """Return an artifact of these weights without geometry, golden vectors and card."""
    sizes = objective.bilm.config
    return Artifact(
        id=name,
        config=sizes,
        pieces_model=shards.vocabulary.read_bytes(),
        model=objective.bilm,
        heads=objective.heads,
        geometry=Geometry.neutral(sizes),
        mixes=standard_mixes(sizes.num_representations),
        golden=(),
        card={},
    )


def standard_mixes(num_representations: int) -> Mapping[str, ScalarMix]:
    """Return the mixes that every artifact has.

    `mean` weighs all representations equally, as an untrained ELMo does. `default` is meant for
    comparing words: it subtracts the layer below from 1.5 times the last layer. Because of the
    residual connection between the two, this equals, before any bound is applied, 1.5 times what
    the last LSTM adds plus 0.5 times what it reads; docs/decisions/0009 has the figures.
    """
    below, last = DEFAULT_WEIGHTS
    upper = (0.0,) * (num_representations - 2) + (below, last)
    return {
        "default": ScalarMix(upper[-num_representations:]),
        "mean": ScalarMix((1 / num_representations,) * num_representations),
    }
