"""Compute the LSTM: a memory with gates that decide what it takes in, forgets and shows.

Hochreiter and Schmidhuber 1997, "Long short-term memory", with the forget gate of Gers,
Schmidhuber and Cummins 2000, "Learning to forget":

    i = sigmoid(W_i x + U_i h + b_i)        input gate
    f = sigmoid(W_f x + U_f h + b_f)        forget gate
    g = tanh   (W_g x + U_g h + b_g)        candidate
    o = sigmoid(W_o x + U_o h + b_o)        output gate
    c' = f * c + i * g
    h' = o * tanh(c')

Unlike the papers, which cut the gradient at the gates, training uses the whole gradient.
"""

from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from biLM.network.lstm import lstm_step

from .layer import State, WrittenOut


class Lstm(WrittenOut):
    """An LSTM layer; its gates are in torch's order i, f, g, o, and its state is (h, c)."""

    num_gates: ClassVar[int] = 4
    num_states: ClassVar[int] = 2

    def step(self, seen: Float[Tensor, "batch gates"], state: State) -> State:
        """Return the next state, by the equations above."""
        h, c = state
        *_, c, h = lstm_step(seen + self.of_state(h), c)
        return h, c
