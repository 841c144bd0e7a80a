"""Compare the four cells at equal budget, once in pieces seen and once in time."""

from dataclasses import replace
from statistics import mean, quantiles

from ..cells.choice import CELLS
from ..choices import LSTM
from ..run.config import TrainConfig
from ..run.objective import BiLMObjective
from .corpus import described
from .findings import Finding, Plot, Table, Value
from .trials import (
    Laboratory,
    Trial,
    bits_per_character,
    learning_curves,
    speeds,
)


def measure(lab: Laboratory) -> Finding:
    """Train a model of each cell on as many pieces, and for as long, as the LSTM."""
    recipes = {cell: lab.plan.recipe(cell) for cell in CELLS}
    per_second = speeds(recipes, lab)
    trials = {cell: lab.trial(recipe) for cell, recipe in recipes.items()}
    timed = {
        cell: lab.trial(as_long(recipe, per_second[cell] / per_second[LSTM]))
        for cell, recipe in recipes.items()
    }
    tables = (
        _bits(per_second, trials, timed, lab),
        learning_curves(trials, "while the equal number of pieces was seen"),
        gradient_norms(trials, recipes[LSTM].max_gradient_norm),
        _seeds(lab),
    )
    return Finding(
        title="Four cells at equal budget",
        setting=_setting(lab),
        tables=tables,
        plots=(
            Plot("cells", 1, "pieces", tuple(CELLS), "nats per piece, held out"),
            Plot("cells-norms", 2, "cell", ("median", "99th percentile"), "gradient norm", "y"),
        ),
    )


def as_long(recipe: TrainConfig, times_as_fast: float) -> TrainConfig:
    """Return the recipe with the budget that takes as long as the LSTM takes for its own."""
    share = max(1, round(recipe.max_pieces * times_as_fast))
    warm_up = max(1, round(recipe.warmup_steps * times_as_fast))
    return replace(recipe, max_pieces=share, warmup_steps=warm_up)


def recurrent_parameters(objective: BiLMObjective) -> int:
    """Count the parameters in the layers of both directions, the only ones that vary by cell."""
    stacks = objective.bilm.forward_lm, objective.bilm.backward_lm
    return sum(parameter.numel() for stack in stacks for parameter in stack.parameters())


def gradient_norms(trials: dict[str, Trial], bound: float) -> Table:
    """Tabulate how large the gradient was, and in how many steps it was clipped."""
    rows: list[tuple[Value, ...]] = []
    for cell, trial in trials.items():
        cuts = quantiles(trial.norms, n=100, method="inclusive")
        share = mean(norm > bound for norm in trial.norms)
        after = mean(min(norm, bound) for norm in trial.norms)
        found = cuts[49], cuts[98], max(trial.norms), mean(trial.norms), after
        rows.append((cell, len(trial.norms), share, *found))
    columns = ("cell", "steps", "share clipped", "median", "99th percentile", "largest")
    return Table(
        f"Norm of the whole gradient in these runs, before it is clipped to {bound:g} (and the mean"
        " before and after)",
        (*columns, "mean before", "mean after"),
        tuple(rows),
    )


def _bits(
    per_second: dict[str, float],
    trials: dict[str, Trial],
    timed: dict[str, Trial],
    lab: Laboratory,
) -> Table:
    rows: list[tuple[Value, ...]] = []
    for cell, trial in trials.items():
        pieces = round(per_second[cell], -2)
        equal = trial.pieces, *bits_per_character(trial.objective, lab.text)
        as_long_as = timed[cell].pieces, *bits_per_character(timed[cell].objective, lab.text)
        rows.append((cell, recurrent_parameters(trial.objective), pieces, *equal, *as_long_as))
    budgets = [f"{name}, {budget}" for budget in ("equal pieces", "equal time") for name in WHAT]
    return Table(
        "Bits per character of all held-out text (full softmax), pieces a second in training, and"
        " numbers in the recurrent layers",
        ("cell", "parameters", "pieces/s", *budgets),
        tuple(rows),
    )


WHAT = ("pieces", "forward bits", "backward bits")


def _seeds(lab: Laboratory) -> Table:
    """Show the effect of chance: the LSTM at equal pieces, with other weights and orders."""
    first = lab.plan.seed
    rows: list[tuple[Value, ...]] = []
    for seed in range(first, first + lab.plan.text_seeds):
        trial = lab.trial(lab.plan.recipe(LSTM, seed=seed))
        rows.append((seed, trial.pieces, *bits_per_character(trial.objective, lab.text)))
    return Table(
        "The LSTM again from other seeds: bits per character, to tell a difference from chance",
        ("seed", "pieces", "forward bits", "backward bits"),
        tuple(rows),
    )


def _setting(lab: Laboratory) -> str:
    plan, recipe = lab.plan, lab.plan.recipe(LSTM)
    return (
        f"{described(lab.text)} The biLM of this project with two layers per direction, embedding"
        f" {plan.embedding_size}, cell {plan.cell_size}, and all three heads; every layer is of the"
        f" cell named. Adam, peak learning rate {recipe.learning_rate:g} for every cell (none was"
        f" tuned), {recipe.num_negatives} negatives, gradient clipped to"
        f" {recipe.max_gradient_norm:g}. Equal pieces: {recipe.max_pieces:,} predicted per"
        " direction. Equal time: as many as each cell reads, at its measured speed, in the time the"
        " LSTM takes for that; the schedule of the learning rate fits each budget. On a CPU torch"
        " runs the LSTM by oneDNN, the GRU and the RNN by its own loops and the peephole LSTM by"
        " ours: speeds are of these, not of the equations. Where the processor has bfloat16 units,"
        " autocast multiplies in bfloat16; the LSTM's and the RNN's states are then bfloat16, those"
        f" of our loop and of the GRU float32. One seed ({plan.seed}), but for the LSTM, whose"
        " other seeds show what chance does."
    )
