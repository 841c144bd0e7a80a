"""Measure over how long a delay each cell remembers the symbols it has to keep."""

from statistics import mean

import torch
from torch import nn

from ..cells.choice import CELLS
from .copy_task import NUM_KEPT, NUM_SYMBOLS, Copier, draw, one_thread
from .findings import Finding, Plot, Table, Value
from .sizes import Plan
from .trials import Laboratory

# The delays in training, each drawn with the same probability; they give a few fixed shapes.
TRAINED = (1, 2, 4, 8, 16, 32, 64)
TESTED = (1, 4, 16, 32, 64, 128, 256, 512)
RATES = (3e-3, 1e-2)
BATCH_ROWS = 64
TEST_ROWS = 512
# The first seed draws the rows that choose a learning rate, the second those that judge it.
CHOICE_SEED, TEST_SEED = 1_000_001, 1_000_002
MAX_NORM = 1.0


def measure(lab: Laboratory) -> Finding:
    """Train every cell at every rate and seed, and report each cell at its better rate."""
    best = {cell: best_rate(cell, lab) for cell in CELLS}
    rows: list[tuple[Value, ...]] = [
        (delay, *(mean(one.accuracies[place] for one in best[cell][1]) for cell in CELLS))
        for place, delay in enumerate(TESTED)
    ]
    seeds: list[tuple[Value, ...]] = []
    for cell, (rate, runs) in best.items():
        at_most = [max(one.accuracies[TESTED.index(max(TRAINED))] for one in runs)]
        at_least = [min(one.accuracies[TESTED.index(max(TRAINED))] for one in runs)]
        seeds.append((cell, rate, len(runs), *at_least, *at_most))
    return Finding(
        title="Copying after a delay",
        setting=_setting(lab.plan),
        tables=(
            Table(
                "Share of the symbols that are named correctly, mean over the seeds",
                ("delay", *CELLS),
                tuple(rows),
            ),
            Table(
                f"The chosen learning rate, with the worst and best seed at delay {max(TRAINED)}",
                ("cell", "rate", "seeds", "worst", "best"),
                tuple(seeds),
            ),
        ),
        plots=(Plot("copying", 0, "delay", tuple(CELLS), "share named correctly", "x"),),
    )


class Trained:
    """A trained copier, with its accuracy at each tested delay."""

    def __init__(self, cell: str, rate: float, seed: int, plan: Plan) -> None:
        torch.manual_seed(seed)
        self.model = Copier(cell, plan.copy_size)
        generator = torch.Generator().manual_seed(seed)
        optimizer = torch.optim.Adam(self.model.parameters(), lr=rate)
        for _ in range(plan.copy_steps):
            delay = TRAINED[int(torch.randint(len(TRAINED), (), generator=generator))]
            loss = self.model.loss(*draw(BATCH_ROWS, delay, generator))
            loss.backward()  # type: ignore[no-untyped-call]  # torch's stubs
            nn.utils.clip_grad_norm_(self.model.parameters(), MAX_NORM)
            optimizer.step()
            optimizer.zero_grad()
        self.chosen_by = mean(accuracy(self.model, delay, CHOICE_SEED) for delay in TRAINED)
        self.accuracies = [accuracy(self.model, delay, TEST_SEED) for delay in TESTED]


def best_rate(cell: str, lab: Laboratory) -> tuple[float, list[Trained]]:
    """Return the rate whose runs are most accurate at the trained delays, with its runs."""
    seeds = range(lab.plan.seed, lab.plan.seed + lab.plan.copy_seeds)
    with one_thread():
        runs = {rate: [Trained(cell, rate, seed, lab.plan) for seed in seeds] for rate in RATES}
    rate = max(runs, key=lambda one: mean(run.chosen_by for run in runs[one]))
    lab.tell(f"copying, {cell}: rate {rate:g}")
    return rate, runs[rate]


@torch.inference_mode()
def accuracy(model: Copier, delay: int, seed: int) -> float:
    """Return the share of symbols that are named correctly in fresh rows."""
    x, kept = draw(TEST_ROWS, delay, torch.Generator().manual_seed(seed))
    return float((model(x).argmax(-1) == kept).float().mean())


def _setting(plan: Plan) -> str:
    return (
        f"A row shows {NUM_KEPT} symbols out of {NUM_SYMBOLS}, then random ones out of"
        f" {NUM_SYMBOLS} others for the length of the delay, then {NUM_KEPT} signs. At the signs,"
        f" the cell has to name the first symbols; chance is {1 / NUM_SYMBOLS:.3f}. The model has"
        f" one layer of {plan.copy_size} and a linear output. It is trained on delays of"
        f" {', '.join(map(str, TRAINED))}, with {BATCH_ROWS} new rows of one delay in each step,"
        f" for {plan.copy_steps:,} steps of Adam at each of the rates"
        f" {' and '.join(f'{rate:g}' for rate in RATES)}, with the gradient clipped to"
        f" {MAX_NORM:g} and {plan.copy_seeds} seed{'s' if plan.copy_seeds > 1 else ''} each. The"
        " tables show each cell at the rate that was better on other new rows of the trained"
        f" delays. A cell has not been trained for delays above {max(TRAINED)}."
    )
