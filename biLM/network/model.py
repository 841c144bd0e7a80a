"""The biLM, which turns piece ids into L + 1 representations of every piece.

Peters et al. 2018, "Deep contextualized word representations", section 3.1. A forward and a
backward language model share the piece embedding x, and each has its own LSTM layers:

    h_k0 = [x_k ; x_k],    h_kj = [forward_h_kj ; backward_h_kj],    j = 1 .. L
"""

from jaxtyping import Float, Int
from torch import Tensor, nn

from biLM.network.config import BiLMConfig
from biLM.network.lstm import LstmStack, reverse_padded

# Standard deviation of the initial embedding: wide enough for the first layer's gates to vary.
EMBEDDING_STD = 0.1
# Length of one LSTM call. Longer rows take several calls, which pass (h, c) on.
CHUNK_PIECES = 64


class BiLM(nn.Module):
    """Two independent LSTM stacks over one piece embedding."""

    def __init__(self, config: BiLMConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.num_pieces, config.embedding_size)
        nn.init.normal_(self.embedding.weight, std=EMBEDDING_STD)
        sizes = config.embedding_size, config.cell_size, config.num_layers
        self.forward_lm = LstmStack(*sizes)
        self.backward_lm = LstmStack(*sizes)

    def forward(
        self, ids: Int[Tensor, "batch time"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "depth batch time dim"]:
        """Return every representation of every piece; values at padding are meaningless.

        Args:
            ids: Rows of piece ids, padded on the right with any valid id.
            lengths: Number of pieces in each row that are not padding.
        """
        x = self.embedding(ids)
        # At column t, a forward layer has read the row from its start up to piece t, and a backward
        # layer has read it from its end down to piece t.
        forward_layers = self.forward_lm(x, CHUNK_PIECES)
        turned = self.backward_lm(reverse_padded(x, lengths), CHUNK_PIECES)
        backward_layers = [reverse_padded(layer, lengths) for layer in turned]
        found: Tensor = x.new_empty(self.config.num_representations, *ids.shape, self.config.dim)
        # Unlike the paper, the embedding may be narrower than a layer. Repeating it to the full
        # width leaves every cosine unchanged and gives each half the same weight in a mix.
        found[0] = x.repeat(1, 1, self.config.dim // self.config.embedding_size)
        half = self.config.cell_size
        for depth, layers in enumerate(zip(forward_layers, backward_layers, strict=True), start=1):
            found[depth, ..., :half], found[depth, ..., half:] = layers
        return found
