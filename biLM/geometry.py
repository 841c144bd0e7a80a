"""What makes the cosine of two vectors mean something: the mean vector and the bound of each layer.

Raw LSTM vectors share a large common part, and the cosine of two of them mostly measures that. It
goes when the mean vector is subtracted. What remains has spikes: a number that is far above its
usual size in one occurrence of a word and not in the next decides their cosine. So it is bounded.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from biLM.config import BiLMConfig


@dataclass(frozen=True)
class Geometry:
    """The mean vector and the bound of each representation and, last, of the context.

    Args:
        center: What is subtracted.
        bound: How large a number may be after that; infinity leaves it as it is.
    """

    center: Float[Tensor, "depth_and_context dim"]
    bound: Float[Tensor, " depth_and_context"]

    @classmethod
    def neutral(cls, sizes: BiLMConfig) -> "Geometry":
        """The one that changes nothing."""
        rows = sizes.num_representations + 1
        return cls(torch.zeros(rows, sizes.dim), torch.full((rows,), torch.inf))

    def of_layers(
        self, representations: Float[Tensor, "depth time dim"]
    ) -> Float[Tensor, "depth time dim"]:
        """Every layer, centred and bounded."""
        bound = self.bound[:-1, None, None]
        return (representations - self.center[:-1, None]).clamp(-bound, bound)

    def of_context(self, context: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows dim"]:
        """The context of each row, centred and bounded."""
        return (context - self.center[-1]).clamp(-self.bound[-1], self.bound[-1])
