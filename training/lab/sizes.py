"""Set how large the experiments are, and so how long they take."""

import math
from dataclasses import dataclass, replace

from ..errors import TrainingError
from ..run.config import TrainConfig

# The default plan takes about this long on two cores with bfloat16 units.
FULL_MINUTES = 25.0
# The steps of a run on text for each piece it predicts; the padding of a batch is not predicted.
STEPS_PER_PIECE = 1 / 650
# The share of a run's steps that are warm-up.
WARM_UP_SHARE = 0.06
# A run is scored on held-out text this many times while it goes on.
NUM_SCORES = 8


@dataclass(frozen=True)
class Plan:
    """Sizes and budgets of the experiments.

    Args:
        num_pieces: Largest size of the vocabulary.
        held_out_one_in: One document in this many is held out.
        run_pieces: Pieces per direction that a run on text predicts.
        embedding_size: Width of a piece embedding.
        cell_size: Width of each cell's states in runs on text.
        text_seeds: Runs of the LSTM on text, which show the effect of chance; all else runs once.
        speed_s: Seconds for which the speed of each cell is measured, twice.
        gradient_pieces: T, the step whose loss is traced back.
        gradient_rows: Rows in which the loss is traced back.
        copy_size: Width of each cell's states in the copying task.
        copy_steps: Steps of a run on the copying task.
        copy_seeds: Runs of each cell at each learning rate.
        clip_steps: Steps of a run with or without clipping.
        clip_seeds: Runs with clipping, and as many without.
        seed: Seed of the runs on text, and the first seed of the other runs.
    """

    num_pieces: int = 6_000
    held_out_one_in: int = 60
    run_pieces: int = 300_000
    embedding_size: int = 128
    cell_size: int = 128
    text_seeds: int = 3
    speed_s: float = 6.0
    gradient_pieces: int = 400
    gradient_rows: int = 32
    copy_size: int = 64
    copy_steps: int = 1_000
    copy_seeds: int = 3
    clip_steps: int = 600
    clip_seeds: int = 3
    seed: int = 1

    @classmethod
    def of_minutes(cls, minutes: float) -> "Plan":
        """Return a plan that takes about this many minutes on two cores.

        Raises:
            TrainingError: minutes is not a finite number above 0.
        """
        if not 0 < minutes < math.inf:
            raise TrainingError(f"minutes is {minutes}; it must be a finite number above 0")
        full, share = cls(), minutes / FULL_MINUTES
        return replace(
            full,
            run_pieces=max(1, round(full.run_pieces * share)),
            copy_steps=max(1, round(full.copy_steps * share)),
            clip_steps=max(1, round(full.clip_steps * share)),
        )

    @classmethod
    def quick(cls) -> "Plan":
        """Return a plan too small to find anything, which shows that every experiment runs."""
        return cls(
            held_out_one_in=10,
            run_pieces=2_000,
            embedding_size=16,
            cell_size=16,
            text_seeds=2,
            speed_s=0.1,
            gradient_pieces=40,
            gradient_rows=2,
            copy_size=8,
            copy_steps=4,
            copy_seeds=1,
            clip_steps=8,
            clip_seeds=1,
        )

    def recipe(self, cell: str, **changed: int | float) -> TrainConfig:
        """Return the recipe of a run on text; `changed` replaces some of its values."""
        steps = max(1, round(self.run_pieces * STEPS_PER_PIECE))
        recipe = TrainConfig(
            name="lab",
            embedding_size=self.embedding_size,
            cell_size=self.cell_size,
            max_pieces=self.run_pieces,
            batch_pieces=768,
            min_rows=16,
            num_negatives=1024,
            learning_rate=5e-3,
            warmup_steps=max(1, round(steps * WARM_UP_SHARE)),
            decay_share=0.5,
            seed=self.seed,
            cell=cell,
            score_every_steps=max(1, steps // NUM_SCORES),
        )
        return replace(recipe, **changed)  # type: ignore[arg-type]  # fields of the recipe
