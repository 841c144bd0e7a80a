"""Write a fine-tuned model as an artifact of its own."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import nn

from biLM.artifact import Artifact, round_weights, save_artifact
from biLM.encoder import Encoder
from biLM.errors import ArtifactError
from biLM.golden import make_golden
from biLM.network.scalar_mix import ScalarMix

# The figures of a card that are measured on the weights.
EVALUATION = "evaluation"
FINE_TUNED = "fine_tuned"


def save_fine_tuned(base: Artifact, folder: Path, mixes: Mapping[str, ScalarMix]) -> str:
    """Write the artifact and return its revision.

    Vocabulary, geometry and the texts of the self-test are those of the base. The golden vectors
    are computed with the weights as the file has them, rounded to bfloat16. The card lists what the
    artifact was made of, and drops the figures that were measured on other weights.

    Args:
        base: The artifact that was fine-tuned, with its present weights.
        folder: The folder to write; its name becomes the artifact's name.
        mixes: Mixes to add to those of the base.

    Raises:
        ArtifactError: a weight is not finite, or the folder cannot be replaced.
        OSError: a file cannot be written.
    """
    model, heads = deepcopy(base.model), deepcopy(base.heads)
    for part in (model, heads):
        part.to("cpu", torch.float32).eval().requires_grad_(False)
        _require_finite(part)
        round_weights(part)
    step = {
        "base": base.id,
        "base_revision": base.revision,
        "date": datetime.now(UTC).date().isoformat(),
        "torch": torch.__version__,
        "geometry": "that of the base",
    }
    card = {name: value for name, value in base.card.items() if name != EVALUATION}
    card[FINE_TUNED] = [*card.get(FINE_TUNED, []), step]
    artifact = replace(
        base,
        id=folder.resolve().name,
        model=model,
        heads=heads,
        mixes={**base.mixes, **mixes},
        card=card,
    )
    golden = make_golden(Encoder(artifact), [golden.text for golden in base.golden])
    return save_artifact(replace(artifact, golden=golden), folder)


def _require_finite(part: nn.Module) -> None:
    for name, weight in part.named_parameters():
        if not bool(weight.isfinite().all()):
            raise ArtifactError(
                f"the weight {name} has values that are not finite, so no vector would be; train"
                " again with a lower learning rate or a bound on the gradient"
            )
