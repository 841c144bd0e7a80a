"""Shards -> trained weights: the loop over steps, its checkpoints and its log."""

import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from training.checkpoint import (
    Progress,
    has_checkpoint,
    load_checkpoint,
    save_checkpoint,
    saved_config,
)
from training.config import TrainConfig
from training.device import autocast, choose_device
from training.errors import CheckpointError
from training.held_out import score
from training.journal import Journal, plot_loss
from training.objective import BiLMObjective, build_objective
from training.optim import apply_gradient, build_optimizer, learning_rate
from training.provenance import provenance
from training.shards import Shard, Shards
from training.stream import Batch, Position, Stream

NUM_SCORE_BATCHES = 48  # held-out batches a score during the run reads
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
        """One update; returns the loss of each direction and the norm of the gradient."""
        began = time.monotonic()
        config, progress = self.config, self.progress
        seed = config.seed * STEP_SEEDS + progress.step
        torch.manual_seed(seed)  # of dropout: a resumed run drops what an unbroken one drops
        with autocast(self.device):
            losses = self.objective(batch, self._negatives(seed), config.dropout)
        losses.mean().backward()
        rate = learning_rate(config, progress.step, progress.pieces / config.max_pieces)
        norm = apply_gradient(self.objective, self.optimizer, rate, config.max_gradient_norm)
        self.progress = Progress(
            progress.step + 1,
            progress.pieces + batch.num_predictions,
            progress.seconds + time.monotonic() - began,
            following,
        )
        return losses.detach(), norm

    def _negatives(self, seed: int) -> Tensor | None:
        if not self.config.num_negatives:
            return None
        generator = torch.Generator(self.device).manual_seed(seed)
        return self.objective.draw_negatives(self.config.num_negatives, generator)


def train(config: TrainConfig, shards: Shards, out: Path) -> Progress:
    """Train until the budget is spent, from the checkpoint in `out` if there is one.

    Raises:
        CheckpointError: `out` holds a run of another recipe.
        DivergenceError: the gradient is no longer a number.
    """
    out.mkdir(parents=True, exist_ok=True)
    run = _start(config, shards, out)
    boundaries = run.objective.bilm.config.bos_id, run.objective.bilm.config.eos_id
    stream = Stream(shards.train(), config.batch_pieces, boundaries, config.seed)
    with Journal(out, config.max_pieces, run.progress.pieces) as journal:
        _log_start(journal, run)
        saved_at = time.monotonic()
        for following, batch in stream.batches(run.progress.position):
            if run.progress.pieces >= config.max_pieces:
                break
            losses, norm = run.step(batch.to(run.device), following)
            journal.advance(batch.num_predictions, float(losses.mean()))
            _log_step(journal, run, losses, norm, shards)
            if time.monotonic() - saved_at > config.checkpoint_every_s:
                _save(run, out)
                saved_at = time.monotonic()
        _save(run, out)
    plot_loss(out)
    return run.progress


def _start(config: TrainConfig, shards: Shards, out: Path) -> Run:
    device = choose_device()
    objective = build_objective(config, shards).to(device)
    optimizer = build_optimizer(objective, config)
    progress = Progress()
    if has_checkpoint(out):
        before = saved_config(out)
        if before != config:
            raise CheckpointError(
                f"{out} holds a run of {before}; the recipe is now {config}; choose another --out"
            )
        progress = load_checkpoint(out, objective, optimizer)
    return Run(config, device, objective, optimizer, progress)


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
        ahead, back = losses.tolist()
        journal.write(
            "train", {**seen, "forward_nats": ahead, "backward_nats": back, "gradient_norm": norm}
        )
    if progress.step % config.score_every_steps == 0:
        held_out = Shard.joined(list(shards.held_out().values()))
        forward, backward = score(run.objective, held_out, 0, NUM_SCORE_BATCHES)
        nats = {
            "forward_nats": forward.nats_per_piece,
            "backward_nats": backward.nats_per_piece,
        }
        journal.write("score", {**seen, **nats})
