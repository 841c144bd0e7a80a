"""Measure how fast a recipe trains on this machine."""

import time
from statistics import median

from ..text.shards import Shards
from .checkpoint import Progress
from .config import TrainConfig
from .device import choose_device
from .loop import Run
from .objective import build_objective

# The first steps of a slow machine would pass for its speed if there were fewer than this.
MIN_STEPS = 8
# A machine that does not take as many steps in this many times the given time is measured by those
# that it has taken.
PATIENCE = 3


def step_speeds(
    config: TrainConfig, shards: Shards, seconds: float, num_pieces: int | None = None
) -> list[float]:
    """Train for some seconds; return the pieces per second of each step in the second half.

    The time to read the input counts. The first half is left out because its steps meet shapes that
    oneDNN has not seen.

    Args:
        config: The recipe.
        shards: The rows to read.
        seconds: About how long to train; longer if that is only a few steps.
        num_pieces: The size of the vocabulary, if it is larger than that of the shards.
    """
    device = choose_device()
    run = Run(config, device, build_objective(config, shards, num_pieces).to(device))
    began = last = time.monotonic()
    speeds = []
    for following, batch in run.batches(shards):
        run.step(batch, following)
        now = time.monotonic()
        speeds.append(batch.num_predictions / (now - last))
        last = now
        is_enough = now - began > seconds and len(speeds) >= MIN_STEPS
        if is_enough or now - began > PATIENCE * seconds:
            break
    return speeds[len(speeds) // 2 :]


def usual_speed(
    config: TrainConfig, shards: Shards, seconds: float, num_pieces: int | None = None
) -> float:
    """Return the median of `step_speeds`, in pieces per second."""
    return median(step_speeds(config, shards, seconds, num_pieces))


def reached_speed(progress: Progress) -> float:
    """Return the pieces per second that a run has reached in its steps."""
    return progress.pieces / progress.seconds
