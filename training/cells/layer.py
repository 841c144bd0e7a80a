"""A recurrent layer written out: it applies the equations of its cell to one column after another.

It is the part that the cells beside this file have in common. Where torch has a cell, training uses
torch's layer (`choice`); this layer is the one to read, and it shows every state on the way.
"""

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

State = tuple[Tensor, ...]  # (h,), or (h, c) where the cell has a memory besides its output


class WrittenOut(nn.Module):
    """A layer of one cell, its weights named and laid out like those of torch's own layers.

    Args:
        input_size: Width of the input.
        cell_size: Width of each of its states.
    """

    # The number of products with the input that a step needs, and of products with the state.
    num_gates: ClassVar[int]
    num_states: ClassVar[int]

    def __init__(self, input_size: int, cell_size: int) -> None:
        super().__init__()
        self.input_size, self.cell_size = input_size, cell_size
        rows = self.num_gates * cell_size
        self.weight_ih_l0 = nn.Parameter(torch.zeros(rows, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.zeros(rows, cell_size))
        self.bias_ih_l0 = nn.Parameter(torch.zeros(rows))
        self.bias_hh_l0 = nn.Parameter(torch.zeros(rows))

    @abstractmethod
    def step(self, seen: Float[Tensor, "batch gates"], state: State) -> State:
        """Return the state after one more column.

        Args:
            seen: W x + b of every gate, side by side.
            state: The state before the column.
        """

    def forward(
        self, x: Float[Tensor, "batch time width"], state: State | None = None
    ) -> tuple[Float[Tensor, "batch time dim"], State]:
        """Return h of every column and the last state, as torch's layers do.

        Args:
            x: The input.
            state: The initial state; None means zeros.
        """
        outputs = []
        for state in self.states(x, state):  # noqa: B020 - each state replaces the one before
            outputs.append(state[0])
        assert state is not None, "a row has columns: this is a bug"
        return torch.stack(outputs, dim=1), state

    def states(
        self, x: Float[Tensor, "batch time width"], state: State | None = None
    ) -> Iterator[State]:
        """Yield the state after each column, each part of it a tensor that only later columns read.

        So the gradient of a part counts only what that part carries on: the gradient of c leaves
        out the h that is computed from it.
        """
        if state is None:  # zeros in the precision of the weights, also under autocast
            state = (self.weight_hh_l0.new_zeros(len(x), self.cell_size),) * self.num_states
        # All columns at once, because the input's share of a gate does not depend on the state.
        seen = nn.functional.linear(x, self.weight_ih_l0, self.bias_ih_l0)
        for column in seen.unbind(dim=1):
            state = tuple(part.view_as(part) for part in self.step(column, state))
            yield state

    def of_state(self, h: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch gates"]:
        """Return U h + d of every gate."""
        return nn.functional.linear(h, self.weight_hh_l0, self.bias_hh_l0)
