"""Put the rows of sentences of any length into one tensor."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


def padded(
    sentences: Sequence[Float[Tensor, "depth _ dim"]], nothing: Float[Tensor, "depth 0 dim"]
) -> tuple[Float[Tensor, "depth batch words dim"], Bool[Tensor, "batch words"]]:
    """Return the rows of all sentences, with zeros behind the shorter ones, and a mask of them.

    Args:
        sentences: The rows of each sentence.
        nothing: A sentence without rows, which has the device and type of an empty batch.
    """
    lengths = [sentence.shape[1] for sentence in sentences]
    longest = max(lengths, default=0)
    # To write into one tensor would give each sentence a gradient as large as all of them.
    rows = [
        nn.functional.pad(sentence, (0, 0, 0, longest - length))
        for sentence, length in zip(sentences, lengths, strict=True)
    ]
    layers = torch.stack(rows, dim=1) if rows else nothing[:, None][:, :0]
    places = torch.arange(longest, device=nothing.device)
    mask = places < torch.tensor(lengths, device=nothing.device).reshape(-1, 1)
    return layers, mask
