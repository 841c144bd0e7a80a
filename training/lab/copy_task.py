"""Define the copying task: some symbols, a delay of other symbols, then signs to name the first.

Hochreiter and Schmidhuber 1997, "Long short-term memory", section 5, has tasks of this kind. A row
consists of one-hot vectors; `a` is a symbol to keep, `x` a symbol to ignore and `?` the sign:

    a a a x x x x x x x x ? ? ?

At each `?` the model must name the next of the kept symbols. Symbols to keep and symbols to ignore
look different.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..cells.choice import new_layer

# The number of symbols to keep, and of those to ignore; a blind guess is right one time in 8.
NUM_SYMBOLS = 8
NUM_KEPT = 3
INPUT_SIZE = 2 * NUM_SYMBOLS + 1
SIGN = 2 * NUM_SYMBOLS


class Copier(nn.Module):
    """One layer of a cell, with a linear output that names symbols at the signs."""

    def __init__(self, cell: str, cell_size: int) -> None:
        super().__init__()
        self.layer = new_layer(cell, INPUT_SIZE, cell_size)
        self.out = nn.Linear(cell_size, NUM_SYMBOLS)

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch kept symbol"]:
        """Return the logits of the symbols at each sign."""
        logits: Tensor = self.out(self.layer(x)[0][:, -NUM_KEPT:])
        return logits

    def loss(
        self, x: Float[Tensor, "batch time width"], kept: Int[Tensor, "batch kept"]
    ) -> Float[Tensor, ""]:
        """Return the mean cross-entropy; for a blind guess it is log NUM_SYMBOLS."""
        return nn.functional.cross_entropy(self(x).flatten(0, 1), kept.flatten())


def draw(
    num_rows: int, delay: int, generator: torch.Generator
) -> tuple[Float[Tensor, "batch time width"], Int[Tensor, "batch kept"]]:
    """Draw rows with one delay, and return them with the symbols to keep of each."""
    kept = torch.randint(NUM_SYMBOLS, (num_rows, NUM_KEPT), generator=generator)
    ignored = torch.randint(NUM_SYMBOLS, 2 * NUM_SYMBOLS, (num_rows, delay), generator=generator)
    signs = torch.full((num_rows, NUM_KEPT), SIGN)
    row = torch.cat([kept, ignored, signs], dim=1)
    return nn.functional.one_hot(row, INPUT_SIZE).float(), kept


@contextmanager
def one_thread() -> Iterator[None]:
    """Use one thread until the block ends: the products are too small to share between cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
