"""Compute the simple recurrent network: the new state is the tanh of input plus old state.

Elman 1990, "Finding structure in time":

    h' = tanh(W x + b + U h + d)

Unlike the paper, whose units are logistic, the cell uses tanh, as torch's does.
"""

from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from .layer import State, WrittenOut


class Rnn(WrittenOut):
    """One product and no gate; the state is (h,)."""

    num_gates: ClassVar[int] = 1
    num_states: ClassVar[int] = 1

    def step(self, seen: Float[Tensor, "batch gates"], state: State) -> State:
        """Return the next state, by the equation above."""
        return ((seen + self.of_state(state[0])).tanh(),)
