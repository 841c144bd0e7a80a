"""Shards -> trained weights: the loop over steps, its checkpoints and its log."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from biLM.heads import SIDES
from training.checkpoint import (
    Progress,
    find_checkpoints,
    keep_plateau,
    save_checkpoint,
)
from training.config import TrainConfig
from training.device import autocast, choose_device
from training.errors import CheckpointError, DivergenceError
from training.held_out import score
from training.journal import Journal, plot_loss
from training.objective import BiLMObjective, build_objective
from training.optim import apply_gradient, build_optimizer, learning_rate
from training.provenance import provenance
from training.shards import Shard, Shards
from training.stream import Batch, Position, Stream

NUM_SCORE_BATCHES = 48  # held-out batches a score during the run reads
MAX_SKIPPED = 5  # steps in a row without a finite gradient before a run gives up
STEP_SEEDS = 1 << 32  # room for the steps of one run between the seeds of two


@dataclass
class Run:
    """A model under training, its optimiser and how far it has come."""

    config: TrainConfig
    device: torch.device
    objective: BiLMObjective
    optimizer: torch.optim.Adam
    progress: Progress

    def step(self, batch: Batch, following: Position) -> tuple[Tensor, float]:
        """One update; returns the loss of each head and the norm of the gradient.

        Raises:
            DivergenceError: the gradient was no number for the MAX_SKIPPED-th time in a row.
        """
        began = time.monotonic()
        config, before = self.config, self.progress
        seed = config.seed * STEP_SEEDS + before.step
        torch.manual_seed(seed)  # of dropout: a resumed run drops what an unbroken one drops
        with autocast(self.device):
            total, losses = self.objective(batch, self._negatives(seed), config.dropout)
        total.backward()
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
                f"the gradient was no number in {MAX_SKIPPED} steps in a row, the last of them step"
                f" {before.step} with losses {losses.tolist()}; no weight was moved and the last"
                " checkpoint is sound: lower learning_rate and start a new run"
            )
        return losses, norm

    def _negatives(self, seed: int) -> Tensor | None:
        if not self.config.num_negatives:
            return None
        generator = torch.Generator(self.device).manual_seed(seed)
        return self.objective.draw_negatives(self.config.num_negatives, generator)


def train(config: TrainConfig, shards: Shards, out: Path) -> Progress:
    """Train until the budget is spent, from the checkpoint in `out` if there is one.

    Raises:
        CheckpointError: `out` holds a run of another recipe, or the disk is full.
        DivergenceError: the gradient is no longer a number.
    """
    out.mkdir(parents=True, exist_ok=True)
    with Journal(out, config.max_pieces) as journal:
        run = _start(config, shards, out, journal)
        sizes = run.objective.bilm.config
        boundaries = sizes.bos_id, sizes.eos_id
        stream = Stream(
            shards.train(), config.batch_pieces, boundaries, config.seed, config.min_rows
        )
        saved_at = time.monotonic()
        for following, batch in stream.batches(run.progress.position):
            if run.progress.pieces >= config.max_pieces:
                break
            losses, norm = run.step(batch.to(run.device), following)
            journal.advance(run.progress.pieces, float(losses.mean()))
            _log_step(journal, run, losses, norm, shards)
            ends_plateau = run.progress.at_peak and config.decays_at(run.progress.pieces)
            if ends_plateau or time.monotonic() - saved_at > config.checkpoint_every_s:
                _save(run, out)
                saved_at = time.monotonic()
            if ends_plateau:
                keep_plateau(out)
        _save(run, out)
    plot_loss(out)
    return run.progress


def _start(config: TrainConfig, shards: Shards, out: Path, journal: Journal) -> Run:
    device = choose_device()
    objective = build_objective(config, shards).to(device)
    optimizer = build_optimizer(objective, config)
    progress = Progress()
    checkpoints, refusals = find_checkpoints(out)
    for refusal in refusals:
        journal.say(f"{refusal}; using another checkpoint")
    usable = [checkpoint for checkpoint in checkpoints if checkpoint.leads_to(config)]
    if usable:
        usable[0].restore(objective, optimizer)
        progress = usable[0].progress
    elif checkpoints or refusals:
        before = checkpoints[0].config if checkpoints else "a run that cannot be read"
        raise CheckpointError(
            f"{out} holds a run of {before}; the recipe is now {config}; choose another --out"
        )
    journal.begin_at(progress.pieces)
    run = Run(config, device, objective, optimizer, progress)
    _log_start(journal, run)
    return run


def _save(run: Run, out: Path) -> None:
    save_checkpoint(out, run.config, run.progress, run.objective, run.optimizer)


def _log_start(journal: Journal, run: Run) -> None:
    num_parameters = sum(parameter.numel() for parameter in run.objective.parameters())
    recipe = run.config.as_dict()
    facts = {"recipe": recipe, "parameters": num_parameters, "resumed_at_step": run.progress.step}
    journal.write("start", {**facts, **provenance(run.device)})


def _log_step(journal: Journal, run: Run, losses: Tensor, norm: float, shards: Shards) -> None:
    config, progress = run.config, run.progress
    seen = {"step": progress.step, "pieces": progress.pieces, "seconds": progress.seconds}
    if progress.step % config.log_every_steps == 0:
        found = {**_by_side(losses.tolist()), "gradient_norm": norm, "skipped": progress.skipped}
        journal.write("train", {**seen, **found})
    if progress.step % config.score_every_steps == 0:
        held_out = Shard.joined(list(shards.held_out().values()))
        scores = score(run.objective, held_out, NUM_SCORE_BATCHES)
        journal.write("score", {**seen, **_by_side([one.nats_per_piece for one in scores])})


def _by_side(nats: Sequence[float]) -> dict[str, float]:
    return {f"{side}_nats": found for side, found in zip(SIDES, nats, strict=True)}
