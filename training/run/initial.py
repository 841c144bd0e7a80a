"""Start a run from an artifact's weights, to train the same model further on other text."""

import hashlib
from dataclasses import replace

import torch

from biLM.artifact import Artifact
from biLM.network.model import BiLM

from ..errors import TrainingError
from ..text.shards import Shards
from .config import TrainConfig
from .objective import BiLMObjective

# The share of the recipe's learning rate that adapts what the model knows without overwriting it.
PEAK_SHARE = 0.25


def adapted(config: TrainConfig, artifact: Artifact) -> TrainConfig:
    """Return the recipe for training an artifact further: with its sizes, and smaller steps."""
    sizes = artifact.config
    return replace(
        config,
        name=f"{artifact.id}-adapted",
        init_from=artifact.revision,
        embedding_size=sizes.embedding_size,
        cell_size=sizes.cell_size,
        num_layers=sizes.num_layers,
        learning_rate=config.learning_rate * PEAK_SHARE,
    )


def start_from(artifact: Artifact, objective: BiLMObjective, shards: Shards) -> None:
    """Copy the artifact's weights into an objective.

    Raises:
        TrainingError: the shards have another vocabulary than the artifact, or the objective has
            other sizes.
    """
    check_vocabulary(artifact, shards)
    if artifact.config != objective.bilm.config:
        raise TrainingError(
            f"{artifact.id} has the sizes {artifact.config}, but the recipe has"
            f" {objective.bilm.config}; do not --set the sizes, so that they stay as they are"
        )
    _copy_weights(artifact, objective)


def objective_of(artifact: Artifact) -> BiLMObjective:
    """Return an objective with the artifact's weights, to be scored on text of its vocabulary."""
    unused = torch.ones(artifact.config.num_pieces, dtype=torch.int64)  # no negatives are drawn
    objective = BiLMObjective(BiLM(artifact.config), unused)
    _copy_weights(artifact, objective)
    return objective.eval().requires_grad_(False)


def check_vocabulary(artifact: Artifact, shards: Shards) -> None:
    """Refuse shards whose piece ids do not mean what they mean in the artifact.

    Raises:
        TrainingError: the shards have another vocabulary than the artifact.
    """
    wanted = hashlib.sha256(artifact.pieces_model).hexdigest()
    found = shards.manifest.vocabulary_sha256
    if found != wanted:
        raise TrainingError(
            f"{shards.folder} was made with vocabulary {found}, but {artifact.id} has {wanted};"
            " make the shards with --vocabulary and the pieces.model of the artifact"
        )


def _copy_weights(artifact: Artifact, objective: BiLMObjective) -> None:
    objective.bilm.load_state_dict(artifact.model.state_dict())
    objective.heads.load_state_dict(artifact.heads.state_dict())
