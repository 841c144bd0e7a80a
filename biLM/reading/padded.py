"""Read texts by torch's own LSTM: on any device, in any type of number, with gradients if wanted.

Texts of similar length are read together as the rows of a rectangle. `Reader` is faster on a CPU,
and gives a text the same bits whatever is read with it; here the last bits may depend on that.
"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from biLM.network.model import BiLM
from biLM.reading.precision import without_tf32

# A rectangle holds at most this many pieces, padding included. A longer text is read alone.
MAX_RECTANGLE_PIECES = 8192


def read_padded(
    model: BiLM, texts: Sequence[Sequence[int]], onto: torch.device | None = None
) -> Iterator[tuple[int, Float[Tensor, "depth time dim"]]]:
    """Yield the number of each text and its representations, on the device of the model.

    Args:
        model: The biLM.
        texts: The piece ids of each text, at least one, boundary pieces included.
        onto: Where the representations are copied to, all of a rectangle at a time.
    """
    device = model.embedding.weight.device
    # A backward pass has to multiply as the forward pass did, so only reading changes the setting.
    is_read_only = not torch.is_grad_enabled() or not any(
        parameter.requires_grad for parameter in model.parameters()
    )
    for numbers in rectangles([len(text) for text in texts]):
        lengths = [len(texts[number]) for number in numbers]
        ids = np.zeros((len(numbers), lengths[0]), dtype=np.int64)
        for row, number in enumerate(numbers):
            ids[row, : lengths[row]] = texts[number]
        given = torch.from_numpy(ids).to(device), torch.tensor(lengths).to(device)
        with without_tf32(device) if is_read_only else nullcontext():
            found = model(*given)
        if onto is not None:
            found = found.to(onto)
        # unbind has one gradient for all rows; a slice of each row would have one as large as all.
        for number, row, length in zip(numbers, found.unbind(1), lengths, strict=True):
            yield number, row[:, :length]


def rectangles(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield the numbers of the texts of each rectangle, the longest text first."""
    left = sorted(range(len(lengths)), key=lambda number: (-lengths[number], number))
    while left:
        rows = max(1, MAX_RECTANGLE_PIECES // lengths[left[0]])
        yield left[:rows]
        left = left[rows:]
