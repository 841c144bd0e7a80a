"""A scalar mix that a task learns.

Peters et al. 2018, section 3.2, equation 1:

    ELMo_k = gamma * sum_j s_j h_kj,    s = softmax(w)
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class LearnedMix(nn.Module):
    """Equation 1 with w and gamma as parameters. Untrained, it is the plain mean.

    Args:
        num_layers: Number of layers that are mixed.
        layer_norm: Whether each vector of each layer is first brought to mean 0 and variance 1.
    """

    def __init__(self, num_layers: int, layer_norm: bool = False) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(num_layers))
        self.gamma = nn.Parameter(torch.ones(()))
        self.layer_norm = layer_norm

    def forward(
        self, layers: Float[Tensor, "depth batch time dim"]
    ) -> Float[Tensor, "batch time dim"]:
        """Return gamma * sum_j s_j * layers[j]; a vector of zeros stays one."""
        if self.layer_norm:
            layers = nn.functional.layer_norm(layers, layers.shape[-1:])
        return self.gamma * torch.einsum("j,jbtd->btd", self.w.softmax(0), layers)
