"""Train a model on shards: run the steps, write checkpoints and keep the log."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from traceback import clear_frames

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
from .outcome import Outcome
from .provenance import provenance
from .stream import Batch, Position, Stream

# A score during the run reads this many batches of held-out text.
NUM_SCORE_BATCHES = 48
# A run gives up after this many steps in a row without a finite gradient.
MAX_SKIPPED = 5
# On a GPU the outcomes of so many steps may be unread: while one step is computed, the next is laid
# out and ordered.
UNREAD_STEPS = 1
# Seeds of two runs are this far apart: no step of one draws the numbers of another.
STEP_SEEDS = 1 << 32
# Seeds of two processes are this far apart, which leaves room for every run.
RANK_SEEDS = 1 << 56


@dataclass
class Run:
    """A model under training, its optimiser and how far it has come.

    Attributes:
        shown_loss: The mean loss of the last step whose outcome has been read.
        unread: The outcomes that the device may still have to compute, oldest first.
    """

    config: TrainConfig
    device: torch.device
    objective: BiLMObjective
    team: Team = field(default_factory=Team)
    progress: Progress = field(default_factory=Progress)
    shown_loss: float = math.nan
    unread: deque[Outcome] = field(default_factory=deque)
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

    def step(self, batch: Batch, following: Position) -> Outcome:
        """Take one step; return its outcome, which the device may still have to compute.

        A gradient that is not finite moves no weight. `progress` counts it once the outcome has
        been read: on a CPU at once, elsewhere a step later, or by `settle`.

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
        nats = self.team.sum(nats.detach())
        rate = learning_rate(config, before.step, before.pieces / config.max_pieces)
        norm = apply_gradient(self.objective, self.optimizer, rate, config.max_gradient_norm)
        outcome = Outcome.ordered(before.step, nats, batch.num_places, norm)
        self.progress = replace(
            before,
            step=before.step + 1,
            pieces=before.pieces + batch.num_predictions,
            position=following,
            at_peak=before.at_peak and not config.decays_at(before.pieces),
        )
        self.unread.append(outcome)
        self._read(0 if self.device.type == "cpu" else UNREAD_STEPS)
        seconds = before.seconds + time.monotonic() - began
        self.progress = replace(self.progress, seconds=seconds)
        return outcome

    def settle(self) -> None:
        """Read the outcomes of all steps, so that `progress` is complete.

        Raises:
            DivergenceError: as of `step`.
        """
        self._read(0)

    def _read(self, left: int) -> None:
        """Read the oldest outcomes until so many are left, and count the skipped steps."""
        while len(self.unread) > left:
            outcome, before = self.unread.popleft(), self.progress
            self.shown_loss = float(outcome.losses.mean())
            if outcome.is_finite:
                self.progress = replace(before, skipped_in_a_row=0)
                continue
            in_a_row = before.skipped_in_a_row + 1
            self.progress = replace(before, skipped=before.skipped + 1, skipped_in_a_row=in_a_row)
            if in_a_row == MAX_SKIPPED:
                raise DivergenceError(
                    f"the gradient was not finite in {MAX_SKIPPED} steps in a row, the last of them"
                    f" step {outcome.step} with losses {outcome.losses.tolist()}; these steps"
                    " changed no weight, and the last checkpoint is intact: lower learning_rate and"
                    " start a new run"
                )

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
        # What may be refused comes before there is a run.
        checkpoint = _checkpoint_of_team(workers, config, shards, out, journal)
        run = Run(config, device, build_objective(config, shards).to(device), workers)
        try:
            _resume(run, shards, checkpoint, initial, journal)
            _train(run, shards, out, journal, stops)
            return run.progress
        except BaseException as error:
            clear_frames(error.__traceback__)  # the functions that ended hold the run, too
            raise
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
        outcome = run.step(batch, following)
        journal.advance(run.progress.pieces, run.shown_loss)
        _log_step(journal, run, outcome, shards)
        ends_plateau = run.progress.at_peak and config.decays_at(run.progress.pieces)
        if ends_plateau or time.monotonic() - saved_at > config.checkpoint_every_s:
            _save(run, shards, out, ends_plateau)
            saved_at = time.monotonic()
    _save(run, shards, out)


def _resume(
    run: Run,
    shards: Shards,
    checkpoint: Checkpoint | None,
    initial: Artifact | None,
    journal: Journal,
) -> None:
    """Resume at the checkpoint; without one, start from the initial artifact."""
    if checkpoint is not None:
        checkpoint.restore(run.objective, run.optimizer)
        run.progress = checkpoint.progress
    elif run.config.init_from:
        _begin_from(initial, run, shards)
    journal.begin_at(run.progress.pieces)
    if run.progress.pieces < run.config.max_pieces:
        _log_start(journal, run)


def _checkpoint_of_team(
    workers: Team, config: TrainConfig, shards: Shards, out: Path, journal: Journal
) -> Checkpoint | None:
    """Return the first process's checkpoint in every process, which may not see its files.

    Raises:
        TrainingError: the processes have different recipes or shards.
        CheckpointError: as of `_usable_checkpoint`.
    """
    vocabulary, rows = shards.manifest.vocabulary_sha256, shards.manifest.rows_sha256
    workers.require_same({"recipe": config, "vocabulary": vocabulary, "rows": rows})
    return workers.by_leader(lambda: _usable_checkpoint(config, shards, out, journal))


def _usable_checkpoint(
    config: TrainConfig, shards: Shards, out: Path, journal: Journal
) -> Checkpoint | None:
    """Return the latest checkpoint from which a run of this recipe resumes; None in a new folder.

    Raises:
        CheckpointError: the folder has a run of another recipe, or of other shards.
    """
    checkpoints, refusals = find_checkpoints(out)
    for refusal in refusals:
        journal.say(f"{refusal}; using another checkpoint")
    usable = [checkpoint for checkpoint in checkpoints if checkpoint.leads_to(config)]
    if usable:
        usable[0].require_vocabulary(shards.manifest.vocabulary_sha256)
        usable[0].require_rows(shards.manifest.rows_sha256)
        return usable[0]
    if checkpoints or refusals:
        before = checkpoints[0].config if checkpoints else "a run that cannot be read"
        raise CheckpointError(
            f"{out} has a run of {before}, but the recipe is now {config}; choose another --out"
        )
    return None


def _begin_from(initial: Artifact | None, run: Run, shards: Shards) -> None:
    given = initial.revision if initial else "none"
    if initial is None or given != run.config.init_from:
        raise TrainingError(
            f"the recipe starts from artifact {run.config.init_from}, but {given} was given; pass"
            " its folder with --init-from"
        )
    start_from(initial, run.objective, shards)


def _save(run: Run, shards: Shards, out: Path, ends_plateau: bool = False) -> None:
    run.settle()
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


def _log_step(journal: Journal, run: Run, outcome: Outcome, shards: Shards) -> None:
    config, step = run.config, run.progress.step
    if step % config.log_every_steps == 0:
        run.settle()  # in every process, so that all of a team find a divergence in the same step
    if not run.team.leads:
        return
    progress = run.progress
    seen = {"step": step, "pieces": progress.pieces, "seconds": progress.seconds}
    if step % config.log_every_steps == 0:
        found = {"gradient_norm": outcome.norm, "skipped": progress.skipped}
        journal.write("train", {**seen, **_by_side(outcome.losses.tolist()), **found})
    if step % config.score_every_steps == 0:
        held_out = sampled(shards.held_out().values())
        scores = score(run.objective, held_out, NUM_SCORE_BATCHES)
        journal.write("score", {**seen, **_by_side([one.nats_per_piece for one in scores])})


def _by_side(nats: Sequence[float]) -> dict[str, float]:
    return {f"{side}_nats": found for side, found in zip(SIDES, nats, strict=True)}
