"""The mean vector and the bound of each layer, which make cosines of vectors meaningful.

Raw LSTM vectors share a large common part, and the cosine of two vectors mostly measures that part.
Subtracting the mean vector removes it. What remains has spikes: a value that is far above its usual
size in one occurrence of a word but not in the next decides their cosine. So each value is bounded.
"""

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

    def of_layers(
        self, representations: Float[Tensor, "depth time dim"]
    ) -> Float[Tensor, "depth time dim"]:
        """Return every layer, centred and bounded."""
        bound = self.bound[:-1, None, None]
        return (representations - self.center[:-1, None]).clamp(-bound, bound)

    def of_context(self, context: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows dim"]:
        """Return the context of each row, centred and bounded."""
        return (context - self.center[-1]).clamp(-self.bound[-1], self.bound[-1])
