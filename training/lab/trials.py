"""Train models on text by a recipe, and record what happens on the way."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import mean, median

from ..result.evaluate import score_held_out
from ..run.config import TrainConfig
from ..run.device import choose_device
from ..run.held_out import score
from ..run.loop import Run
from ..run.objective import BiLMObjective, build_objective
from ..run.outcome import Outcome
from ..run.speed import step_speeds
from ..text.shards import Shard, Shards
from .findings import Table
from .sizes import Plan

# The batches of held-out text that each score reads; a run is scored several times.
SCORE_BATCHES = 16
# Speed is measured in rounds so that a busy moment does not fall on one recipe alone.
ROUNDS = 2


@dataclass(frozen=True)
class Trial:
    """A run that has ended.

    Args:
        objective: The trained model.
        pieces: Pieces predicted per direction.
        norms: Norm of the gradient before clipping, for every step.
        curve: Pairs of pieces seen and nats per held-out piece, the mean of both language models.
    """

    objective: BiLMObjective
    pieces: int
    norms: tuple[float, ...]
    curve: tuple[tuple[int, float], ...]


@dataclass
class Laboratory:
    """What the experiments share: a plan, the text, and the runs made so far."""

    plan: Plan
    shards: Shards | None
    tell: Callable[[str], None]
    trials: dict[TrainConfig, Trial] = field(default_factory=dict)

    @property
    def text(self) -> Shards:
        """The text; the command has made sure that there is one if an experiment reads it."""
        assert self.shards is not None, "an experiment on text was begun without: this is a bug"
        return self.shards

    def trial(self, config: TrainConfig) -> Trial:
        """Return the run of a recipe, which is made only once."""
        if config not in self.trials:
            self.trials[config] = fit(config, build_objective(config, self.text), self)
        return self.trials[config]


def fit(config: TrainConfig, objective: BiLMObjective, lab: Laboratory) -> Trial:
    """Train an objective until the recipe's budget is spent."""
    began = time.monotonic()
    run = Run(config, choose_device(), objective.to(choose_device()))
    held_out = Shard.joined(list(lab.text.held_out().values()))
    outcomes: list[Outcome] = []
    curve: list[tuple[int, float]] = []
    for following, batch in run.batches(lab.text):
        if run.progress.pieces >= config.max_pieces:
            break
        outcomes.append(run.step(batch, following))
        if run.progress.step % config.score_every_steps == 0:
            scores = score(objective, held_out, SCORE_BATCHES)
            nats = mean(one.nats_per_piece for one in scores[:2])
            curve.append((run.progress.pieces, nats))
    run.settle()
    norms = tuple(outcome.norm for outcome in outcomes)
    lab.tell(f"{config.cell}: {run.progress.pieces:,} pieces, {time.monotonic() - began:.0f} s")
    return Trial(objective.eval(), run.progress.pieces, norms, tuple(curve))


def bits_per_character(objective: BiLMObjective, shards: Shards) -> tuple[float, float]:
    """Return the forward and backward bits per character, over all held-out text."""
    everything = score_held_out(objective, shards)["held_out"]["all"]
    forward, backward = (
        float(everything[f"{side}_bits_per_character"]) for side in ("forward", "backward")
    )
    return forward, backward


def speeds(recipes: Mapping[str, TrainConfig], lab: Laboratory) -> dict[str, float]:
    """Measure the recipes in turns; return the median pieces per second of each over its steps."""
    found: dict[str, list[float]] = {name: [] for name in recipes}
    for _ in range(ROUNDS):
        for name, config in recipes.items():
            found[name] += step_speeds(config, lab.text, lab.plan.speed_s)
    return {name: median(one) for name, one in found.items()}


def learning_curves(trials: Mapping[str, Trial], when: str) -> Table:
    """Tabulate the held-out loss, one column per run; all runs read the same batches."""
    points = zip(*(trial.curve for trial in trials.values()), strict=True)
    rows = [(together[0][0], *(nats for _, nats in together)) for together in points]
    caption = (
        f"Held-out loss {when}: nats per piece, mean of forward and backward, always the same"
        " sample of the held-out text"
    )
    return Table(caption, ("pieces", *trials), tuple(rows))
