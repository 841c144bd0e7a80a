"""Hold what a step found until the device has computed it, so that nobody waits for the device.

Reading a value of a GPU waits for all the work that was given to it, and then the GPU waits for new
work. So the copy to this process is ordered with the step, and looked at a step later.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Outcome:
    """The losses and the norm of the gradient of one step.

    Args:
        step: The number of the step.
        nats: The summed loss of each head; its values are there once the device has come so far.
        places: The number of pieces that each head predicted.
        total_norm: The norm of the gradient before clipping, likewise.
        arrival: Recorded behind both copies on a GPU; None where they need no waiting.
    """

    step: int
    nats: Float[Tensor, " side"]
    places: Int[Tensor, " side"]
    total_norm: Float[Tensor, ""]
    arrival: torch.cuda.Event | None = None

    @classmethod
    def ordered(
        cls,
        step: int,
        nats: Float[Tensor, " side"],
        places: Int[Tensor, " side"],
        norm: Float[Tensor, ""],
    ) -> "Outcome":
        """Order the copies of both results from their device."""
        copies = [one.detach().to("cpu", non_blocking=True) for one in (nats, norm)]
        arrival = None
        if nats.is_cuda:
            arrival = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch's stubs
            arrival.record()
        return cls(step, copies[0], places, copies[1], arrival)

    @cached_property
    def losses(self) -> Float[Tensor, " side"]:
        """The mean loss of each head; it waits for the device."""
        self._wait()
        return self.nats / self.places.clamp(min=1)

    @cached_property
    def norm(self) -> float:
        """The norm of the gradient before clipping; it waits for the device."""
        self._wait()
        return float(self.total_norm)

    @property
    def is_finite(self) -> bool:
        """Whether the step moved the weights; it waits for the device."""
        return math.isfinite(self.norm)

    def _wait(self) -> None:
        if self.arrival is not None:
            self.arrival.synchronize()
