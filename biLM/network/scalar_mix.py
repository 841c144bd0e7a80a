"""The scalar mix, which blends the representations of all depths into one vector.

Peters et al. 2018, "Deep contextualized word representations", section 3.2, equation 1:

    ELMo_k = gamma * sum_j s_j h_kj,    s = softmax(w)
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from biLM.errors import MixError


def _as_it_is(representation: Float[Tensor, "time dim"], number: int) -> Float[Tensor, "time dim"]:
    return representation


@dataclass(frozen=True)
class ScalarMix:
    """Equation 1 with given weights.

    Args:
        weights: s, one weight per representation. Unlike the paper, they need not come from a
            softmax: (0, 0, 1) selects the last layer, and a negative weight subtracts a layer.
        gamma: The scale of the mixed vector.

    Raises:
        MixError: there is no weight, or a value is not finite.
    """

    weights: tuple[float, ...]
    gamma: float = 1.0

    def __post_init__(self) -> None:
        if not self.weights:
            raise MixError("a mix needs one weight for each representation, but it has none")
        if not all(math.isfinite(number) for number in (*self.weights, self.gamma)):
            raise MixError(f"the weights and gamma of a mix must be finite, but this one is {self}")

    @classmethod
    def from_logits(cls, logits: Sequence[float], gamma: float = 1.0) -> "ScalarMix":
        """Return the mix with s = softmax(w), where w are the raw weights that a task learns."""
        highest = max(logits, default=0.0)  # subtracted so that exp never overflows
        exponentials = [math.exp(w - highest) for w in logits]
        return cls(tuple(e / sum(exponentials) for e in exponentials), gamma)

    def __call__(
        self,
        representations: Float[Tensor, "depth time dim"],
        prepared: Callable[[Float[Tensor, "time dim"], int], Float[Tensor, "time dim"]] = _as_it_is,
    ) -> Float[Tensor, "time dim"]:
        """Return gamma * sum_j s_j * prepared(representations[j], j).

        Args:
            representations: Every representation of a text.
            prepared: A function that returns a representation as it is mixed. Only one of them is
                prepared at a time, so they do not take their memory twice.

        Raises:
            MixError: the number of weights is not the number of representations.
        """
        if len(self.weights) != representations.shape[0]:
            raise MixError(
                f"the mix has {len(self.weights)} weights, but the model has"
                f" {representations.shape[0]} representations; give one weight for each"
            )
        # A value too large for float32 becomes infinite in a tensor, where a float raises an error.
        scaled = torch.tensor([self.gamma * s for s in self.weights], dtype=representations.dtype)
        mixed = scaled[0] * prepared(representations[0], 0)
        for number in range(1, len(scaled)):
            mixed.addcmul_(scaled[number], prepared(representations[number], number))
        return mixed
