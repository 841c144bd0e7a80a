"""Let several processes train as one: each takes its rows of every batch, and gradients add up.

    torchrun --nproc-per-node 2 -m training train small

Without torchrun there is one process, and this module does nothing. Every process reads the same
batches and draws the same negatives. Only the first reads and writes the files of the run, so the
machines of a team need no common disk; each reads its own copy of the shards. The processes
communicate by nccl on GPUs and by gloo otherwise.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, distributed, nn

from ..errors import TrainingError
from .stream import Batch

Found = TypeVar("Found")
# The environment variables in which torchrun passes the rank and the number of processes.
RANK, WORLD_SIZE = "RANK", "WORLD_SIZE"


def is_team() -> bool:
    """Return whether torchrun has started other processes beside this one."""
    return int(os.environ.get(WORLD_SIZE, "1")) > 1


def leads() -> bool:
    """Return whether this process writes files: it is alone or the first one of torchrun."""
    return os.environ.get(RANK, "0") == "0"


@dataclass(frozen=True)
class Team:
    """The processes of a run, as one of them sees them.

    Args:
        rank: Number of this process, counted from 0.
        size: Number of processes.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    def share(self, batch: Batch) -> Batch:
        """Return this process's rows of a batch: as many as the others get, some perhaps empty."""
        if self.size == 1:
            return batch
        missing = -len(batch.lengths) % self.size
        ids = nn.functional.pad(batch.ids, (0, 0, 0, missing))
        lengths = nn.functional.pad(batch.lengths, (0, missing))
        return Batch(ids[self.rank :: self.size], lengths[self.rank :: self.size])

    def join(self, model: nn.Module) -> nn.Module:
        """Wrap the model so that its backward pass leaves the team's mean gradient everywhere."""
        if self.size == 1:
            return model
        return nn.parallel.DistributedDataParallel(model, broadcast_buffers=False)

    def sum(self, values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Return the sum of the values of all processes."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def require_same(self, facts: Mapping[str, object]) -> None:
        """Refuse to train if the processes have been given different things.

        Raises:
            TrainingError: a fact differs, in every process.
        """
        if self.size == 1:
            return
        every: list[Mapping[str, object]] = [{}] * self.size
        distributed.all_gather_object(every, facts)
        for rank, other in enumerate(every):
            for name, value in every[0].items():
                if other[name] != value:
                    raise TrainingError(
                        f"process 0 has {name} {value}, but process {rank} has {other[name]}; copy"
                        " the shards to the same path of every machine and start torchrun with the"
                        " same arguments there"
                    )

    def by_leader(self, find: Callable[[], Found]) -> Found:
        """Return in every process what the first one finds, or raise its error in every process.

        The files of a run are where the first process writes them; another machine may have none,
        or those of an earlier run.
        """
        if self.size == 1:
            return find()
        answer: list[tuple[Found | None, TrainingError | None]] = [(None, None)]
        if self.leads:
            try:
                answer[0] = find(), None
            except TrainingError as error:
                answer[0] = None, error
        distributed.broadcast_object_list(answer)
        found, refusal = answer[0]
        if refusal is not None:
            raise refusal
        return cast(Found, found)


@contextmanager
def team(device: torch.device) -> Iterator[Team]:
    """Join the team that torchrun has started, or form a team of one, until the block ends.

    What `Team.join` returned must be gone by then. It is a reference to the group of processes, and
    if it were the last one, the group would end while this thread has the interpreter's lock: the
    end waits for gloo's threads, and these may wait for the lock to drop their last tensors.
    """
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
