"""How large the experiments are, and with it how long they take."""

import math
from dataclasses import dataclass, replace

from training.config import TrainConfig
from training.errors import TrainingError

FULL_MINUTES = 25.0  # what the values below take, about, on two cores with bfloat16 units
STEPS_PER_PIECE = 1 / 650  # of a run on text: padded pieces are not predicted
WARM_UP_SHARE = 0.06  # of the steps of a run
NUM_SCORES = 8  # on held-out text, while a run goes on


@dataclass(frozen=True)
class Plan:
    """Sizes and budgets.

    Args:
        num_pieces: Of the vocabulary, at most.
        held_out_one_in: One document in so many is held out.
        run_pieces: Pieces per direction that a run on text predicts.
        embedding_size: Width of a piece embedding.
        cell_size: Width of each cell's states, in text.
        text_seeds: Runs of the LSTM on text, which tell what chance does; all else is run once.
        speed_s: Seconds for which the speed of each cell is measured, twice.
        gradient_pieces: T, the step whose loss is followed back.
        gradient_rows: Rows in which it is.
        copy_size: Width of each cell's states in the copying task.
        copy_steps: Steps of a run of the copying task.
        copy_seeds: Runs of each cell at each learning rate.
        clip_steps: Steps of a run with and without clipping.
        clip_seeds: Runs of either.
        seed: Of the runs on text, and the first of the others.
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
        """The experiments for about so many minutes on two cores.

        Raises:
            TrainingError: the minutes are no number above 0.
        """
        if not 0 < minutes < math.inf:
            raise TrainingError(f"minutes is {minutes}; it must be a number above 0")
        full, share = cls(), minutes / FULL_MINUTES
        return replace(
            full,
            run_pieces=max(1, round(full.run_pieces * share)),
            copy_steps=max(1, round(full.copy_steps * share)),
            clip_steps=max(1, round(full.clip_steps * share)),
        )

    @classmethod
    def quick(cls) -> "Plan":
        """Every experiment, too small to find anything: to see that it runs."""
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
        """What every run on text is made by; `changed` replaces values of it."""
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
        return replace(recipe, **changed)  # type: ignore[arg-type]  # names of the recipe
