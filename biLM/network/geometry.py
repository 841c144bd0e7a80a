"""The mean vector and the bound of each layer, which make cosines of vectors meaningful.

Raw LSTM vectors share a large common part, and the cosine of two vectors mostly measures that part.
Subtracting the mean vector removes it. What remains has spikes: a value that is far above its usual
size in one occurrence of a word but not in the next decides their cosine. So each value is bounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from biLM.network.config import BiLMConfig


@dataclass(frozen=True)
class Geometry:
    """The mean vector and the bound of each representation and, last, of the context.

    Args:
        center: The mean vectors, which are subtracted.
        bound: The largest absolute value that is kept after that; infinity sets no limit.
    """

    center: Float[Tensor, "depth_and_context dim"]
    bound: Float[Tensor, " depth_and_context"]

    @classmethod
    def neutral(cls, sizes: BiLMConfig) -> "Geometry":
        """Return a geometry that changes nothing."""
        rows = sizes.num_representations + 1
        return cls(torch.zeros(rows, sizes.dim), torch.full((rows,), torch.inf))

    def of_layer(
        self, representation: Float[Tensor, "time dim"], number: int
    ) -> Float[Tensor, "time dim"]:
        """Return one layer, centred and bounded."""
        bound = self.bound[number]
        return (representation - self.center[number]).clamp_(-bound, bound)

    def center_layers(
        self, representations: Float[Tensor, "depth time dim"], numbers: Sequence[int]
    ) -> None:
        """Centre and bound layers in place, because a copy would take as much memory again.

        Args:
            representations: One for each number.
            numbers: The numbers of the layers.
        """
        bound = self.bound[numbers, None, None]
        representations.sub_(self.center[numbers, None]).clamp_(-bound, bound)

    def of_context(self, context: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows dim"]:
        """Return the context of each row, centred and bounded."""
        return (context - self.center[-1]).clamp(-self.bound[-1], self.bound[-1])
