"""One direction of a biLM that reads one piece at a time, in several rows side by side.

A search can choose the next piece only after it has seen what the model predicts there. So every
row has its own (h, c), and a row can continue from the state of any other row. The function is that
of `LstmStack`; the kernel is that of `Reader`.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from biLM.reading.layer import ReadingLayer, State

# Every call has this number of rows, so a row gets the same bits whatever the other rows contain. A
# step reads all weights of a layer, and sixteen rows take hardly longer than one.
ROWS = 16
States = tuple[State, ...]
"""The (h, c) of each layer."""


class Stepper:
    """One direction of a biLM, which reads one piece at a time.

    Args:
        inputs: The piece embedding, in the type of the numbers that are multiplied.
        layers: The layers, the lowest first.
    """

    def __init__(
        self, inputs: Float[Tensor, "vocab width"], layers: Sequence[ReadingLayer]
    ) -> None:
        self._inputs = inputs
        self._layers = layers

    def start(self) -> States:
        """Return the state of every row before the first piece."""
        return tuple(layer.zero_state(ROWS) for layer in self._layers)

    def step(
        self, states: States, ids: Sequence[int]
    ) -> tuple[Float[Tensor, "batch half"], States]:
        """Read one more piece in every row; return the output of the top layer and the states.

        Args:
            states: The state of every row before the piece.
            ids: The piece that each of the ROWS rows reads.
        """
        x = self._inputs[torch.tensor(ids)][None]
        top = torch.zeros(())
        after = []
        for depth, (layer, state) in enumerate(zip(self._layers, states, strict=True)):
            output, carried = layer(x, state)
            after.append(carried)
            # Each layer from the second on has a residual connection around it.
            top = top + output[0] if depth else output[0].float()
            x = x + output if depth else output
        return top, tuple(after)


def from_rows(states: States, rows: Sequence[int]) -> States:
    """Return the states of the given rows, in that order: [a, b], rows [1, 1] -> [b, b]."""
    chosen = torch.tensor(rows)
    return tuple((h.index_select(1, chosen), c.index_select(1, chosen)) for h, c in states)
