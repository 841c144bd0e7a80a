"""Measure over how long a delay each cell remembers the symbols it has to keep."""

from statistics import mean

import torch
from torch import nn

from ..cells.choice import CELLS
from .copy_task import NUM_KEPT, NUM_SYMBOLS, Copier, draw, one_thread
from .findings import Finding, Plot, Table, Value
from .sizes import Plan
from .trials import Laboratory

# The delays trained on, each as likely to be drawn; they give a few fixed shapes.
TRAINED = (1, 2, 4, 8, 16, 32, 64)
TESTED = (1, 4, 16, 32, 64, 128, 256, 512)
RATES = (3e-3, 1e-2)
BATCH_ROWS = 64
TEST_ROWS = 512
# Seeds of the rows that choose a learning rate, and of the rows that judge it.
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
                "Share of the symbols named rightly, mean over seeds",
                ("delay", *CELLS),
                tuple(rows),
            ),
            Table(
                f"The learning rate chosen, and the seeds' worst and best at delay {max(TRAINED)}",
                ("cell", "rate", "seeds", "worst", "best"),
                tuple(seeds),
            ),
        ),
        plots=(Plot("copying", 0, "delay", tuple(CELLS), "share named rightly", "x"),),
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
    """Return the rate whose runs are right most often at the delays trained on, and its runs."""
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
        f"{NUM_KEPT} symbols out of {NUM_SYMBOLS} are shown, then a delay full of {NUM_SYMBOLS}"
        f" others at random, then {NUM_KEPT} signs, at which the first are to be named; chance is"
        f" {1 / NUM_SYMBOLS:.3f}. One layer of {plan.copy_size} and a linear output; trained on"
        f" delays of {', '.join(map(str, TRAINED))}, a fresh batch of {BATCH_ROWS} rows of one"
        f" delay a step, {plan.copy_steps:,} steps of Adam at each of the rates"
        f" {' and '.join(f'{rate:g}' for rate in RATES)}, gradient clipped to {MAX_NORM:g};"
        f" {plan.copy_seeds} seed{'s' if plan.copy_seeds > 1 else ''} each. Each cell is shown at"
        " the rate that was better on other fresh rows of the delays trained on. Beyond delay"
        f" {max(TRAINED)} a cell does what it was not trained for."
    )
