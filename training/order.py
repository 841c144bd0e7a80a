"""Define an order for an artifact, and the decisions that `plan.json` keeps of it."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from biLM.artifact import Artifact
from biLM.files import to_json, write_atomically

from .errors import TrainingError
from .plan import MAX_EPOCHS, Plan
from .run.checkpoint import Progress
from .run.config import TrainConfig
from .run.initial import adapted
from .run.speed import reached_speed
from .text.corpus import CorpusConfig
from .text.sources import fingerprints

# About this share of a run's time goes into scores on held-out text and into checkpoints.
SCORED_SHARE = 0.05
# An initial artifact decides these values of a recipe.
SIZES = ("embedding_size", "cell_size", "num_layers")
Json = dict[str, Any]  # json.loads returns this


@dataclass(frozen=True)
class Order:
    """A request for an artifact.

    Args:
        inputs: Files of text, or folders of them.
        out: The artifact folder.
        work: The folder for all intermediate files.
        minutes: The time for all steps together.
        recipe: The recipe to train; its budget is replaced by what the time allows.
        initial: The artifact to train further; None trains a new vocabulary and new weights.
        shipped: The artifact to compare with if there is no initial one; None compares with none.
        settings: Changes to the recipe, each given as `name=value`.
        corpus: How the text is read; how much is held out follows from its size.
    """

    inputs: Sequence[Path]
    out: Path
    work: Path
    minutes: float
    recipe: TrainConfig
    initial: Artifact | None = None
    shipped: Artifact | None = None
    settings: Sequence[str] = ()
    corpus: CorpusConfig = field(default_factory=CorpusConfig)

    def __post_init__(self) -> None:
        if not 0 < self.minutes < math.inf:
            raise TrainingError(f"minutes is {self.minutes}; it must be a finite number above 0")
        if self.initial is not None:
            for name in SIZES:
                has, given = getattr(self.initial.config, name), getattr(self.config, name)
                if given != has:
                    raise TrainingError(
                        f"{name} is set to {given}, but {self.initial.id} has {has}; leave out"
                        f" --set {name}, or train a new model without --init-from"
                    )

    @property
    def beside(self) -> Artifact | None:
        """The artifact to compare with."""
        return self.initial or self.shipped

    @property
    def config(self) -> TrainConfig:
        """The recipe with its settings, and the sizes of the initial artifact if there is one."""
        recipe = self.recipe if self.initial is None else adapted(self.recipe, self.initial)
        return recipe.changed(self.settings)

    def described(self) -> Json:
        """Return what must be equal in two orders for one to resume the other's work."""
        sources = fingerprints(self.inputs)
        return {
            "sources": len(sources),
            "text": hashlib.sha256(to_json(sources)).hexdigest(),
            "corpus": asdict(self.corpus),
            "minutes": self.minutes,
            "recipe": self.config.as_dict(),
        }


@dataclass(frozen=True)
class Work:
    """The decisions of an order, as `plan.json` holds them.

    Args:
        recipe: The recipe with its budget.
        plan: The times of the steps.
        decays: Whether the budget has been set anew for the decay, by the speed until then.
    """

    recipe: TrainConfig
    plan: Plan
    decays: bool = False

    @property
    def step_seconds(self) -> float:
        """The seconds that the plan gives to the steps of training."""
        return self.plan.training_s * (1 - SCORED_SHARE)

    @classmethod
    def read(cls, path: Path, wanted: Json) -> "Work | None":
        """Return the decisions of an earlier start of the order, or None if there was none.

        Raises:
            TrainingError: the file has the decisions of another order.
        """
        if not path.exists():
            return None
        found = json.loads(path.read_text("utf-8"))
        if found["order"] != wanted:
            raise TrainingError(
                f"{path.parent} has the files of another order: {found['order']}; this one is"
                f" {wanted}; remove the folder or choose another --work"
            )
        return cls(TrainConfig(**found["recipe"]), Plan(**found["plan"]), found["decays"])

    def write(self, path: Path, order: Json) -> None:
        """Write the decisions of an order."""
        facts = {"recipe": self.recipe.as_dict(), "plan": asdict(self.plan), "decays": self.decays}
        write_atomically(path, to_json({"order": order, **facts}))


def with_more(work: Work, progress: Progress, train_pieces: int) -> Work | None:
    """Return the work with a larger budget if the run was much faster than planned, else None.

    The pieces of the plan are then read before the learning rate has been level for half of its
    time, so the budget is what all the time allows at the speed that the run has had.
    """
    level_s = (1 - work.recipe.decay_share) * work.step_seconds
    most = MAX_EPOCHS * train_pieces
    if progress.seconds >= level_s / 2 or work.recipe.max_pieces >= most:
        return None
    faster = max(2 * work.recipe.max_pieces, int(reached_speed(progress) * work.step_seconds))
    return replace(work, recipe=replace(work.recipe, max_pieces=min(faster, most)))


def with_decay(work: Work, progress: Progress, train_pieces: int, left_s: float) -> Work:
    """Return the work with the budget that the rest of the time allows for the decay.

    Until the learning rate falls, runs of every budget are the same, so the budget can still be set
    by the speed that the run has really had.

    Args:
        work: The work as it was planned.
        progress: How far the run has come; its learning rate has not begun to fall.
        train_pieces: The number of pieces of the text that the run reads.
        left_s: The seconds that are left for training.
    """
    most = MAX_EPOCHS * train_pieces - progress.pieces
    # A recipe that decays from its first step has no speed of its own yet.
    speed = reached_speed(progress) if progress.seconds else work.plan.pieces_per_s
    rest = max(work.recipe.batch_pieces, min(int(speed * left_s), most))
    total = progress.pieces + rest
    # One piece less, so that the decay does not begin before the present step by a rounding error.
    recipe = replace(work.recipe, max_pieces=total, decay_share=(rest - 1) / total)
    return replace(work, recipe=recipe, decays=True)
