"""Compare the speed of training with the bare LSTMs and with a plain loop in PyTorch.

python -m benchmarks.training --shards build/shards

The option --set NAME=VALUE changes the recipe. All ways read the same batches of real rows. They
take turns, so that a noisy neighbour slows all of them alike:

    biLM     a step of the recipe `small`: three objectives, sampled softmax, clipping, Adam
    bare     only the forward and backward pass of the same four LSTMs, on embedded rows
    beside   the same, with the two directions side by side, as in training
             (training/run/side_by_side.py)
    plain    a simple first version in float32: an embedding, a two-layer `nn.LSTM` for each
             direction, the full softmax for both, dense Adam, and no cloze

All ways but `plain` run in the precision of training, which is bfloat16 if the processor has it. A
profile of the time of a step follows. Run it with nothing else on the machine.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from biLM.network.lstm import LstmStack
from biLM.network.model import CHUNK_PIECES
from training.run.config import TrainConfig
from training.run.device import autocast, choose_device
from training.run.loop import Run
from training.run.objective import build_objective
from training.run.provenance import provenance
from training.run.recipes import small
from training.run.side_by_side import read_both
from training.run.stream import Batch, Position
from training.text.shards import Shards

# The first sixty batches meet every shape, so they are not measured.
WARM_UP, MEASURED = 60, 60
PROFILED = 20
ROWS_OF_PROFILE = 14
Stacks = tuple[LstmStack, LstmStack]


class Plain(nn.Module):
    """Two language models, written in the simplest way."""

    def __init__(self, config: TrainConfig, num_pieces: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_pieces, config.embedding_size)
        self.sides = nn.ModuleList(
            nn.LSTM(config.embedding_size, config.cell_size, config.num_layers, batch_first=True)
            for _ in range(2)
        )
        self.output = nn.Linear(config.cell_size, num_pieces)

    def forward(self, ids: Tensor) -> Tensor:
        """Return the loss of both directions over all columns, including those of padding."""
        total = torch.zeros(())
        for side, row in zip(self.sides, (ids, ids.flip(1)), strict=True):
            states, _ = side(self.embedding(row[:, :-1]))
            logits = self.output(states).flatten(0, 1)
            total = total + nn.functional.cross_entropy(logits, row[:, 1:].flatten())
        return total


def main() -> None:
    """Print the speeds, their ratios and the profile."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shards", type=Path, default=Path("build/shards"))
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    given = parser.parse_args()
    shards, device = Shards(given.shards), choose_device()
    recipe = small().changed(given.set)
    run = Run(recipe, device, build_objective(recipe, shards).to(device))
    steps = {
        "biLM": lambda batch: run.step(batch, Position()),
        "bare": bare_step(run, in_turns),
        "beside": bare_step(run, read_both),
        "plain": plain_step(recipe, len(shards.counts), device),
    }
    print(provenance(device))
    batches = [batch for _, batch in islice(run.batches(shards), WARM_UP + MEASURED)]
    seconds, pieces = dict.fromkeys(steps, 0.0), 0
    for number, batch in enumerate(batches):
        for name, step in steps.items():
            taken = timed(step, batch)
            seconds[name] += taken if number >= WARM_UP else 0.0
        pieces += batch.num_predictions if number >= WARM_UP else 0
    for name, taken in seconds.items():
        print(f"{name:6} {pieces / taken:9,.0f} pieces/s")
    for other in ("bare", "beside", "plain"):
        print(f"biLM / {other:6} {seconds[other] / seconds['biLM']:.2f}")
    print(time_of_input(run, shards))
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        for batch in batches[-PROFILED:]:
            run.step(batch, Position())
    by_time = {"sort_by": "self_cpu_time_total", "row_limit": ROWS_OF_PROFILE}
    print(profiled.key_averages().table(**by_time, max_name_column_width=40))


def bare_step(
    run: Run, read: Callable[[Stacks, tuple[Tensor, Tensor]], Sequence[Tensor]]
) -> Callable[[Batch], None]:
    """Return a step that runs only the forward and backward pass of the LSTMs on embedded rows."""
    bilm, width = run.objective.bilm, run.config.embedding_size

    def step(batch: Batch) -> None:
        ahead, back = (torch.randn(*batch.ids.shape, width, device=run.device) for _ in range(2))
        with autocast(run.device):
            tops = read(
                (bilm.forward_lm, bilm.backward_lm), (ahead.requires_grad_(), back.requires_grad_())
            )
        torch.autograd.backward(tops, [torch.ones_like(top) for top in tops])
        run.objective.zero_grad(set_to_none=True)

    return step


def in_turns(stacks: Stacks, inputs: tuple[Tensor, Tensor]) -> list[Tensor]:
    """Return the top layers of both directions, which run one after the other on all cores."""
    return [stack(x, CHUNK_PIECES)[-1] for stack, x in zip(stacks, inputs, strict=True)]


def plain_step(
    config: TrainConfig, num_pieces: int, device: torch.device
) -> Callable[[Batch], None]:
    """Return a complete step of the simple version."""
    model = Plain(config, num_pieces).to(device)
    optimizer = torch.optim.Adam(model.parameters())

    def step(batch: Batch) -> None:
        optimizer.zero_grad()
        model(batch.ids.to(device)).backward()
        optimizer.step()

    return step


def timed(step: Callable[[Batch], object], batch: Batch) -> float:
    """Return the seconds that one step takes until the device has finished it."""
    began = time.perf_counter()
    step(batch)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def time_of_input(run: Run, shards: Shards) -> str:
    """Measure the speed of reading the batches alone, and return it as a line of text."""
    began = time.perf_counter()
    pieces = sum(batch.num_predictions for _, batch in islice(run.batches(shards), 500))
    return f"input alone {pieces / (time.perf_counter() - began):,.0f} pieces/s"


if __name__ == "__main__":
    main()
