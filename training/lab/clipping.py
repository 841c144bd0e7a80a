"""Measure what clipping the gradient does where the gradient explodes.

Pascanu et al. 2013, "On the difficulty of training recurrent neural networks", algorithm 1: a
gradient longer than a bound is scaled to the bound, and keeps its direction. Here a simple
recurrent network, its recurrent matrix stretched beyond radius 1, learns to copy over a delay. It
learns by plain gradient descent, because Adam divides by the size of the gradient and so would hide
the explosion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log
from statistics import mean, median

import torch
from torch import nn

from .copy_task import NUM_SYMBOLS, Copier, draw, one_thread
from .findings import Finding, Plot, Table, Value
from .sizes import Plan
from .trials import Laboratory

CELL = "rnn"
# The factor for the recurrent matrix, which is drawn by Xavier's rule with a radius of about 1.
STRETCH = 2.0
RATE = 0.1
DELAY = 32
BATCH_ROWS = 32
BOUND = 1.0
# The points of a loss curve, each a mean over a window of steps.
NUM_WINDOWS = 12
COLUMNS = (
    "seed",
    "without: largest norm",
    "without: last loss",
    "with: share clipped",
    "with: median norm before",
    "with: largest norm after",
    "with: last loss",
)


@dataclass(frozen=True)
class Descent:
    """A run of plain gradient descent: for each step, the loss and the norm before clipping."""

    losses: tuple[float, ...]
    norms: tuple[float, ...]


def measure(lab: Laboratory) -> Finding:
    """Run gradient descent with and without the bound, from the same weights over the same rows."""
    seeds = range(lab.plan.seed, lab.plan.seed + lab.plan.clip_seeds)
    with one_thread():
        runs = {
            seed: (descend(seed, inf, lab.plan), descend(seed, BOUND, lab.plan)) for seed in seeds
        }
    lab.tell("clipping: done")
    rows = tuple((seed, *_figures(*pair)) for seed, pair in runs.items())
    return Finding(
        title="Clipping a gradient that explodes",
        setting=_setting(lab.plan),
        tables=(
            Table(
                "Norm of the gradient, and loss in the last steps (nats per symbol)", COLUMNS, rows
            ),
            _curves(list(runs.values())),
        ),
        plots=(Plot("clipping", 1, "step", ("without", "with"), "loss, nats per symbol"),),
    )


def descend(seed: int, bound: float, plan: Plan) -> Descent:
    """Run gradient descent with a bound on the gradient's norm; infinity means no bound."""
    torch.manual_seed(seed)
    model = Copier(CELL, plan.copy_size)
    model.layer.get_parameter("weight_hh_l0").data.mul_(STRETCH)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    losses, norms = [], []
    for _ in range(plan.clip_steps):
        loss = model.loss(*draw(BATCH_ROWS, DELAY, generator))
        loss.backward()  # type: ignore[no-untyped-call]  # torch's stubs
        norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), bound)))
        losses.append(float(loss.detach()))
        optimizer.step()
        optimizer.zero_grad()
    return Descent(tuple(losses), tuple(norms))


def windows(values: Sequence[float]) -> list[tuple[int, float]]:
    """Return the means of about NUM_WINDOWS stretches, each with the number of its last step."""
    size = max(1, len(values) // NUM_WINDOWS)
    means = [mean(some) for some in _stretches(values, size)]
    return [(min((place + 1) * size, len(values)), one) for place, one in enumerate(means)]


def _stretches(values: Sequence[float], size: int) -> list[Sequence[float]]:
    return [values[begin : begin + size] for begin in range(0, len(values), size)]


def _figures(free: Descent, bound: Descent) -> tuple[Value, ...]:
    clipped = [norm > BOUND for norm in bound.norms]
    after = max(min(norm, BOUND) for norm in bound.norms)
    before = median(bound.norms)
    last = [windows(run.losses)[-1][1] for run in (free, bound)]
    return max(free.norms), last[0], mean(clipped), before, after, last[1]


def _curves(pairs: Sequence[tuple[Descent, Descent]]) -> Table:
    """Tabulate the loss by step, averaged over the seeds."""
    free, bound = ([windows(run.losses) for run in runs] for runs in zip(*pairs, strict=True))
    rows = [
        (free[0][place][0], *(mean(one[place][1] for one in side) for side in (free, bound)))
        for place in range(len(free[0]))
    ]
    caption = f"Loss up to a step, mean over seeds; a blind guess costs {log(NUM_SYMBOLS):.3f} nats"
    return Table(caption, ("step", "without", "with"), tuple(rows))


def _setting(plan: Plan) -> str:
    return (
        f"The task of `copying` at delay {DELAY}; one {CELL} layer of {plan.copy_size} whose"
        f" recurrent matrix is stretched to {STRETCH:g} times its usual size; plain gradient"
        f" descent at rate {RATE:g}, {plan.clip_steps:,} steps of {BATCH_ROWS} rows; bound"
        f" {BOUND:g} or none; {plan.clip_seeds} seed{'s' if plan.clip_seeds > 1 else ''}, the same"
        " weights and rows with and without. How often text makes the bound act is in `cells`."
    )
