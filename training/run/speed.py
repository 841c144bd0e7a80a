"""Measure how fast a recipe trains on this machine."""

import time
from statistics import median

from ..text.shards import Shards
from .config import TrainConfig
from .device import choose_device
from .loop import Run
from .objective import build_objective


def step_speeds(config: TrainConfig, shards: Shards, seconds: float) -> list[float]:
    """Train for some seconds; return the pieces per second of each step in the second half.

    The time to read the input counts. The first half is left out because its steps meet shapes that
    oneDNN has not seen.
    """
    device = choose_device()
    run = Run(config, device, build_objective(config, shards).to(device))
    began = last = time.monotonic()
    speeds = []
    for following, batch in run.batches(shards):
        run.step(batch, following)
        now = time.monotonic()
        speeds.append(batch.num_predictions / (now - last))
        last = now
        if now - began > seconds:
            break
    return speeds[len(speeds) // 2 :]


def usual_speed(config: TrainConfig, shards: Shards, seconds: float) -> float:
    """Return the median of `step_speeds`, in pieces per second."""
    return median(step_speeds(config, shards, seconds))
