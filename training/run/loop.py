"""Train a model on shards: run the steps, write checkpoints and keep the log."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from biLM.artifact import Artifact
from biLM.network.heads import SIDES

from ..errors import CheckpointError, DivergenceError, TrainingError
from ..text.shards import Shards
from .checkpoint import Checkpoint, Progress, find_checkpoints, save_checkpoint
from .config import TrainConfig
from .device import autocast, choose_device
from .distributed import Team, team
from .held_out import sampled, score
from .initial import start_from
from .journal import Journal
from .objective import BiLMObjective, build_objective
from .optim import apply_gradient, build_optimizer, learning_rate
from .provenance import provenance
from .stream import Batch, Position, Stream

# A score during the run reads this many batches of held-out text.
NUM_SCORE_BATCHES = 48
# A run gives up after this many steps in a row without a finite gradient.
MAX_SKIPPED = 5
# Seeds of two runs are this far apart: no step of one draws the numbers of another.
STEP_SEEDS = 1 << 32
# Seeds of two processes are this far apart, which leaves room for every run.
RANK_SEEDS = 1 << 56


@dataclass
class Run:
    """A model under training, its optimiser and how far it has come."""

    config: TrainConfig
    device: torch.device
    objective: BiLMObjective
    team: Team = field(default_factory=Team)
    progress: Progress = field(default_factory=Progress)
    optimizer: torch.optim.Adam = field(init=False)
    model: nn.Module = field(init=False)

    def __post_init__(self) -> None:
        self.optimizer = build_optimizer(self.objective, self.config)
        self.model = self.team.join(self.objective)

    def batches(self, shards: Shards) -> Iterator[tuple[Position, Batch]]:
        """Return the batches still to be trained on, each with the position that follows it."""
        config, sizes = self.config, self.objective.bilm.config
        boundaries = sizes.bos_id, sizes.eos_id
        stream = Stream(
            shards.train(), config.batch_pieces, boundaries, config.seed, config.min_rows
        )
        return stream.batches(self.progress.position)

    def step(self, batch: Batch, following: Position) -> tuple[Tensor, float]:
        """Take one step; return the mean loss of each head and the norm of the gradient.

        Raises:
            DivergenceError: the gradient was not finite in MAX_SKIPPED steps in a row.
        """
        began = time.monotonic()
        config, before = self.config, self.progress
        seed = config.seed * STEP_SEEDS + before.step
        # A resumed run thus drops the same values as a run without interruption.
        torch.manual_seed(seed + self.team.rank * RANK_SEEDS)
        part = self.team.share(batch).to(self.device)
        with autocast(self.device):
            total, nats = self.model(part, self._negatives(seed), config.dropout)
        (total * self.team.size).backward()  # the team averages gradients that should add up
        losses = self.team.sum(nats.detach()).cpu() / batch.num_places.clamp(min=1)
        rate = learning_rate(config, before.step, before.pieces / config.max_pieces)
        norm = apply_gradient(self.objective, self.optimizer, rate, config.max_gradient_norm)
        skips = 0 if math.isfinite(norm) else 1
        self.progress = Progress(
            step=before.step + 1,
            pieces=before.pieces + batch.num_predictions,
            seconds=before.seconds + time.monotonic() - began,
            position=following,
            at_peak=before.at_peak and not config.decays_at(before.pieces),
            skipped=before.skipped + skips,
            skipped_in_a_row=(before.skipped_in_a_row + 1) * skips,
        )
        if self.progress.skipped_in_a_row == MAX_SKIPPED:
            raise DivergenceError(
                f"the gradient was not finite in {MAX_SKIPPED} steps in a row, the last of them"
                f" step {before.step} with losses {losses.tolist()}; these steps changed no weight,"
                " and the last checkpoint is intact: lower learning_rate and start a new run"
            )
        return losses, norm

    def _negatives(self, seed: int) -> Tensor | None:
        if not self.config.num_negatives:
            return None
        generator = torch.Generator(self.device).manual_seed(seed)
        return self.objective.draw_negatives(self.config.num_negatives, generator)


def train(
    config: TrainConfig,
    shards: Shards,
    out: Path,
    initial: Artifact | None = None,
    *,
    stops: Callable[[Progress], bool] | None = None,
) -> Progress:
    """Train until the budget is spent, from the checkpoint in `out` if there is one.

    Args:
        config: The recipe.
        shards: The rows to read.
        out: The folder of the run.
        initial: The artifact that a recipe with `init_from` starts from.
        stops: Returns, before each step, whether to stop here and leave the rest to another call.

    Raises:
        CheckpointError: `out` holds a run of another recipe, or the disk is full.
        DivergenceError: the gradient has stopped being finite.
        TrainingError: the initial artifact is not the recipe's, or has another vocabulary.
    """
    out.mkdir(parents=True, exist_ok=True)
    device = choose_device()
    with team(device) as workers, Journal(out, config.max_pieces, workers.leads) as journal:
        run = Run(config, device, build_objective(config, shards).to(device), workers)
        try:
            _resume(run, shards, out, initial, journal)
            _train(run, shards, out, journal, stops)
            return run.progress
        finally:
            del run  # before the team ends


def _train(
    run: Run,
    shards: Shards,
    out: Path,
    journal: Journal,
    stops: Callable[[Progress], bool] | None,
) -> None:
    """Take the steps that are left, or those until `stops` says to stop, and save them."""
    config, saved_at = run.config, time.monotonic()
    for following, batch in run.batches(shards):
        if run.progress.pieces >= config.max_pieces or (stops and stops(run.progress)):
            break
        losses, norm = run.step(batch, following)
        journal.advance(run.progress.pieces, float(losses.mean()))
        if run.team.leads:
            _log_step(journal, run, losses, norm, shards)
        ends_plateau = run.progress.at_peak and config.decays_at(run.progress.pieces)
        if ends_plateau or time.monotonic() - saved_at > config.checkpoint_every_s:
            _save(run, shards, out, ends_plateau)
            saved_at = time.monotonic()
    _save(run, shards, out)


def _resume(
    run: Run, shards: Shards, out: Path, initial: Artifact | None, journal: Journal
) -> None:
    """Resume at the latest usable checkpoint; without one, start from the initial artifact."""
    checkpoints, refusals = find_checkpoints(out)
    for refusal in refusals:
        journal.say(f"{refusal}; using another checkpoint")
    usable = [checkpoint for checkpoint in checkpoints if checkpoint.leads_to(run.config)]
    if usable:
        usable[0].require_vocabulary(shards.manifest.vocabulary_sha256)
        usable[0].require_rows(shards.manifest.rows_sha256)
        usable[0].restore(run.objective, run.optimizer)
        run.progress = usable[0].progress
    elif checkpoints or refusals:
        before = checkpoints[0].config if checkpoints else "a run that cannot be read"
        raise CheckpointError(
            f"{out} has a run of {before}, but the recipe is now {run.config}; choose another --out"
        )
    elif run.config.init_from:
        _begin_from(initial, run, shards)
    journal.begin_at(run.progress.pieces)
    if run.progress.pieces < run.config.max_pieces:
        _log_start(journal, run)


def _begin_from(initial: Artifact | None, run: Run, shards: Shards) -> None:
    given = initial.revision if initial else "none"
    if initial is None or given != run.config.init_from:
        raise TrainingError(
            f"the recipe starts from artifact {run.config.init_from}, but {given} was given; pass"
            " its folder with --init-from"
        )
    start_from(initial, run.objective, shards)


def _save(run: Run, shards: Shards, out: Path, ends_plateau: bool = False) -> None:
    if run.team.leads:
        sha256 = shards.manifest.vocabulary_sha256
        state = run.config, run.progress, sha256, run.objective, run.optimizer
        checkpoint = replace(Checkpoint.of(*state), rows=shards.manifest.rows_sha256)
        save_checkpoint(out, checkpoint, ends_plateau)


def _log_start(journal: Journal, run: Run) -> None:
    num_parameters = sum(parameter.numel() for parameter in run.objective.parameters())
    recipe = run.config.as_dict()
    facts = {
        "recipe": recipe,
        "parameters": num_parameters,
        "processes": run.team.size,
        "resumed_at_step": run.progress.step,
    }
    journal.write("start", {**facts, **provenance(run.device)})


def _log_step(journal: Journal, run: Run, losses: Tensor, norm: float, shards: Shards) -> None:
    config, progress = run.config, run.progress
    seen = {"step": progress.step, "pieces": progress.pieces, "seconds": progress.seconds}
    if progress.step % config.log_every_steps == 0:
        found = {**_by_side(losses.tolist()), "gradient_norm": norm, "skipped": progress.skipped}
        journal.write("train", {**seen, **found})
    if progress.step % config.score_every_steps == 0:
        held_out = sampled(shards.held_out().values())
        scores = score(run.objective, held_out, NUM_SCORE_BATCHES)
        journal.write("score", {**seen, **_by_side([one.nats_per_piece for one in scores])})


def _by_side(nats: Sequence[float]) -> dict[str, float]:
    return {f"{side}_nats": found for side, found in zip(SIDES, nats, strict=True)}
