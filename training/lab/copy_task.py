"""The copying task: some symbols, a delay full of others, then a sign to name the first ones.

Hochreiter and Schmidhuber 1997, "Long short-term memory", section 5, has tasks of this kind. A row
of one-hot vectors, with `a` for a symbol to keep, `x` for one to ignore and `?` for the sign:

    a a a x x x x x x x x ? ? ?

At each `?` the next of the kept symbols is wanted. Symbols to keep and to ignore look different.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from training.cells.choice import new_layer

NUM_SYMBOLS = 8  # of either kind; chance names one in eight
NUM_KEPT = 3
INPUT_SIZE = 2 * NUM_SYMBOLS + 1
SIGN = 2 * NUM_SYMBOLS


class Copier(nn.Module):
    """One layer of a cell, and what it names at the signs."""

    def __init__(self, cell: str, cell_size: int) -> None:
        super().__init__()
        self.layer = new_layer(cell, INPUT_SIZE, cell_size)
        self.out = nn.Linear(cell_size, NUM_SYMBOLS)

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch kept symbol"]:
        """Logits of the symbols at each sign."""
        logits: Tensor = self.out(self.layer(x)[0][:, -NUM_KEPT:])
        return logits

    def loss(
        self, x: Float[Tensor, "batch time width"], kept: Int[Tensor, "batch kept"]
    ) -> Float[Tensor, ""]:
        """Mean cross-entropy; that of a blind guess is log NUM_SYMBOLS."""
        return nn.functional.cross_entropy(self(x).flatten(0, 1), kept.flatten())


def draw(
    num_rows: int, delay: int, generator: torch.Generator
) -> tuple[Float[Tensor, "batch time width"], Int[Tensor, "batch kept"]]:
    """Fresh rows of one delay, and what is to be kept of each."""
    kept = torch.randint(NUM_SYMBOLS, (num_rows, NUM_KEPT), generator=generator)
    ignored = torch.randint(NUM_SYMBOLS, 2 * NUM_SYMBOLS, (num_rows, delay), generator=generator)
    signs = torch.full((num_rows, NUM_KEPT), SIGN)
    row = torch.cat([kept, ignored, signs], dim=1)
    return nn.functional.one_hot(row, INPUT_SIZE).float(), kept


@contextmanager
def one_thread() -> Iterator[None]:
    """These products are too small to be shared between cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
