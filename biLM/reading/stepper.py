"""One direction of a biLM that reads one piece at a time, in several rows side by side.

A search does not know what it reads next before it has seen what is expected there. So every row
carries its own (h, c), and a row may go on from the state of any other. It is the function of
`LstmStack` on the kernel of `Reader`.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from biLM.reading.layer import ReadingLayer, State

# Each call has this one shape, so a row has the same bits in any company. A step reads all weights
# of a layer, and sixteen rows take hardly longer than one.
ROWS = 16
States = tuple[State, ...]
"""The (h, c) of each layer."""


class Stepper:
    """One direction.

    Args:
        inputs: The piece embedding, in the numbers that are multiplied.
        layers: From the embedding upwards.
    """

    def __init__(
        self, inputs: Float[Tensor, "vocab width"], layers: Sequence[ReadingLayer]
    ) -> None:
        self._inputs = inputs
        self._layers = layers

    def start(self) -> States:
        """What every row carries before the first piece."""
        return tuple(layer.zero_state(ROWS) for layer in self._layers)

    def step(
        self, states: States, ids: Sequence[int]
    ) -> tuple[Float[Tensor, "batch half"], States]:
        """Return the top state of every row, and what it carries on, after one more piece.

        Args:
            states: What each row carries.
            ids: The piece each row reads: ROWS of them.
        """
        x = self._inputs[torch.tensor(ids)][None]
        top = torch.zeros(())
        after = []
        for depth, (layer, state) in enumerate(zip(self._layers, states, strict=True)):
            output, carried = layer(x, state)
            after.append(carried)
            # A residual connection around each layer from the second on.
            top = top + output[0] if depth else output[0].float()
            x = x + output if depth else output
        return top, tuple(after)


def from_rows(states: States, rows: Sequence[int]) -> States:
    """The states of those rows, one after the other: [a, b], rows [1, 1] -> [b, b]."""
    chosen = torch.tensor(rows)
    return tuple((h.index_select(1, chosen), c.index_select(1, chosen)) for h, c in states)
