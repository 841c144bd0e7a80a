"""Compare a training step with the full softmax and one with sampled negatives.

python -m benchmarks.softmax

The steps are real steps of the recipe `small` over made-up rows: embedding, four LSTMs, loss,
backward pass, clipping, Adam. The two kinds take turns, and each figure is the best of several
turns, so that a noisy neighbour harms both alike. Run it with nothing else on the machine.
"""

import time
from dataclasses import replace

import torch

from biLM.network.config import BiLMConfig
from biLM.network.model import BiLM
from training.run.config import TrainConfig
from training.run.device import choose_device
from training.run.loop import Run
from training.run.objective import BiLMObjective
from training.run.provenance import provenance
from training.run.recipes import small
from training.run.stream import Batch, Position

NUM_PIECES = 16_000
# The rows of a batch, and the pieces of a row.
SHAPES = ((64, 32), (32, 64))
WARM_UP, TURNS = 3, 8


def main() -> None:
    """Print a table of pieces per second."""
    recipe = small()
    runs = {"full": new_run(replace(recipe, num_negatives=0)), "sampled": new_run(recipe)}
    print(provenance(choose_device()))
    for rows, length in SHAPES:
        ids = torch.randint(3, NUM_PIECES, (rows, length))
        batch = Batch(ids, torch.full((rows,), length))
        best = {name: float("inf") for name in runs}
        for turn in range(WARM_UP + TURNS):
            for name, run in runs.items():
                seconds = timed_step(run, batch)
                best[name] = min(best[name], seconds) if turn >= WARM_UP else best[name]
        speed = {name: rows * length / seconds for name, seconds in best.items()}
        ratio = speed["sampled"] / speed["full"]
        figures = ", ".join(f"{name} {value:,.0f} pieces/s" for name, value in speed.items())
        print(f"{rows} x {length}: {figures}, ratio {ratio:.2f}")


def new_run(config: TrainConfig) -> Run:
    """Build a run of the recipe's sizes, over a vocabulary with frequencies by Zipf's law."""
    torch.manual_seed(config.seed)
    sizes = BiLMConfig(NUM_PIECES, config.embedding_size, config.cell_size, config.num_layers)
    counts = 1_000_000 // torch.arange(1, NUM_PIECES + 1)
    weights = config.objective_weights
    objective = BiLMObjective(
        BiLM(sizes), counts, config.negative_power, weights, config.batch_pieces
    )
    return Run(config, choose_device(), objective.to(choose_device()))


def timed_step(run: Run, batch: Batch) -> float:
    """Return the seconds of one step."""
    began = time.perf_counter()
    run.step(batch, Position())
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
