"""Average the weights of a run with those of another model that began with the same weights.

Two models that were trained further from the same weights mostly lie in one valley of the loss, and
so do the weights between them (Wortsman et al. 2022, "Model soups"). A run on other text thus keeps
more of what the model knew before. Models that began with different weights have no such valley, so
their mean knows nothing.
"""

import hashlib
import json
import shutil
from pathlib import Path

from torch import Tensor

from biLM.artifact import CONFIG, load_artifact
from biLM.shipped import shipped_models

from ..errors import CheckpointError, TrainingError
from .checkpoint import (
    WEIGHT,
    Checkpoint,
    digest,
    find_checkpoints,
    load_checkpoint,
    save_checkpoint,
)
from .journal import LOG_NAME

ENTRY = "average"


def average(run: Path, other: str, out: Path, share: float = 0.5) -> Checkpoint:
    """Write a run whose weights are the mean of a run's and another model's, and return it.

    It has the recipe, the progress and the log of `run`, and no state of the optimiser. The log
    ends with an entry `average`, which the card repeats.

    Args:
        run: The folder of the run.
        other: The folder of another run or of an artifact, or the name of a shipped model.
        out: The folder of the new run.
        share: The weight of the other model in the mean, between 0 and 1.

    Raises:
        CheckpointError: `out` has a run, or `run` or `other` has none.
        TrainingError: the share is not between 0 and 1, or the models have different vocabularies
            or sizes.
        ArtifactError: the artifact cannot be read.
    """
    if not 0 < share < 1:
        raise TrainingError(f"--share is {share}; it must lie between 0 and 1, such as 0.5")
    if any(find_checkpoints(out)):
        raise CheckpointError(f"{out} has a run already; choose another --out")
    checkpoint = load_checkpoint(run)
    mine = checkpoint.weights
    theirs, facts = _read(other, checkpoint.vocabulary)
    _require_same_sizes(mine, theirs)
    mean = checkpoint.having(
        {f"{WEIGHT}{name}": one.lerp(theirs[name], share) for name, one in mine.items()}
    )
    out.mkdir(parents=True, exist_ok=True)
    save_checkpoint(out, mean)
    if (run / LOG_NAME).exists():  # an unpacked run has none
        shutil.copyfile(run / LOG_NAME, out / LOG_NAME)
    entry = {"kind": ENTRY, "step": mean.progress.step, "share": share, "with": facts}
    with (out / LOG_NAME).open("a", encoding="utf-8") as log:
        log.write(json.dumps(entry, ensure_ascii=False) + "\n")
    return mean


def _read(other: str, vocabulary: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return another model's weights by the names of an objective, and what the model is.

    Raises:
        TrainingError: it has another vocabulary.
    """
    folder = Path(other)
    if (folder / CONFIG).exists() or other in shipped_models():
        artifact = load_artifact(other)
        weights = {
            **artifact.model.state_dict(prefix="bilm."),
            **artifact.heads.state_dict(prefix="heads."),
        }
        found = hashlib.sha256(artifact.pieces_model).hexdigest()
        facts = {"id": artifact.id, "revision": artifact.revision}
    else:
        checkpoint = load_checkpoint(folder)
        weights, found = checkpoint.weights, checkpoint.vocabulary
        in_file = {f"{WEIGHT}{name}": one for name, one in weights.items()}
        facts = {"id": checkpoint.config.name, "weights": f"sha256:{digest(in_file)}"}
    if found != vocabulary:
        raise TrainingError(
            f"{other} has the vocabulary {found}, but the run has {vocabulary}; the pieces of both"
            " must mean the same"
        )
    return weights, facts


def _require_same_sizes(mine: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    here, there = ({n: tuple(one.shape) for n, one in some.items()} for some in (mine, theirs))
    for name in here | there:
        if here.get(name) != there.get(name):
            raise TrainingError(
                f"the models have different sizes: {name} is {here.get(name)}"
                f" in the run and {there.get(name)} in the other"
            )
