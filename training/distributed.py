"""Several processes that train as one: each takes its rows of every batch, and gradients add up.

    torchrun --nproc-per-node 2 -m training train small

Without torchrun there is one process and nothing happens here. Every process reads the same batches
and draws the same negatives; the first alone writes files. Processes talk by nccl on GPUs, else by
gloo.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, distributed, nn

from training.stream import Batch

WORLD_SIZE = "WORLD_SIZE"  # set by torchrun


def is_team() -> bool:
    """Whether torchrun has started this process beside others."""
    return int(os.environ.get(WORLD_SIZE, "1")) > 1


@dataclass(frozen=True)
class Team:
    """The processes of a run, seen from one of them.

    Args:
        rank: Number of this process.
        size: How many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    def share(self, batch: Batch) -> Batch:
        """This process's rows of a batch: as many as every other's, some of them perhaps empty."""
        if self.size == 1:
            return batch
        missing = -len(batch.lengths) % self.size
        ids = nn.functional.pad(batch.ids, (0, 0, 0, missing))
        lengths = nn.functional.pad(batch.lengths, (0, missing))
        return Batch(ids[self.rank :: self.size], lengths[self.rank :: self.size])

    def join(self, model: nn.Module) -> nn.Module:
        """The model with a backward pass that leaves the team's mean gradient in every process."""
        if self.size == 1:
            return model
        return nn.parallel.DistributedDataParallel(model, broadcast_buffers=False)

    def sum(self, values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """What the processes have, added up."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values


@contextmanager
def team(device: torch.device) -> Iterator[Team]:
    """The team that torchrun has started, or a team of one."""
    if WORLD_SIZE not in os.environ:
        yield Team()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Team(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
