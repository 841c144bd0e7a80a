"""The heads, which predict the piece in a place from the LSTM states beside it.

Peters et al. 2018, section 3.1, have one softmax for both directions. Here it is tied to the piece
embedding E (Press and Wolf 2017), and a third head reads the two directions together (Melamud et
al. 2016, "context2vec", section 3.1). With f the forward state left of a place and b the backward
state right of it, both of the top layer:

    forward   o = E z + a,   z = W_f f + c_f
    backward  o = E z + a,   z = W_b b + c_b
    cloze     o = E z + a,   z = V relu(U [f ; b] + d) + e
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from biLM.network.config import BiLMConfig

SIDES = ("forward", "backward", "cloze")


class Heads(nn.Module):
    """The three heads and the bias of the softmax; the embedding belongs to the biLM."""

    def __init__(self, config: BiLMConfig) -> None:
        super().__init__()
        self.forward_head = nn.Linear(config.cell_size, config.embedding_size)
        self.backward_head = nn.Linear(config.cell_size, config.embedding_size)
        self.cloze_hidden = nn.Linear(config.dim, config.dim)
        self.cloze_head = nn.Linear(config.dim, config.embedding_size)
        self.bias = nn.Parameter(torch.zeros(config.num_pieces))

    def forward(
        self, left: Float[Tensor, "*place half"], right: Float[Tensor, "*place half"]
    ) -> Float[Tensor, "side *place width"]:
        """Return z, what each of `SIDES` expects in every place, in the space of the embedding.

        Args:
            left: Forward top state of the piece before the place.
            right: Backward top state of the piece after the place.
        """
        ends = [self.forward_head(left), self.backward_head(right)]
        return torch.stack([*ends, self.cloze(left, right)])

    def cloze(
        self, left: Float[Tensor, "*place half"], right: Float[Tensor, "*place half"]
    ) -> Float[Tensor, "*place width"]:
        """Return z of the cloze head alone."""
        z: Tensor = self.cloze_head(self.cloze_hidden(torch.cat([left, right], dim=-1)).relu())
        return z

    def logits(
        self, z: Float[Tensor, "*place width"], embedding: Float[Tensor, "vocab width"]
    ) -> Float[Tensor, "*place vocab"]:
        """Return o, computed with the embedding E of the biLM."""
        return z @ embedding.T + self.bias
