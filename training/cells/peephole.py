"""Compute the peephole LSTM, whose gates read the memory itself.

Gers and Schmidhuber 2000, "Recurrent nets that time and count"; Gers, Schraudolph and Schmidhuber
2002, "Learning precise timing with LSTM recurrent networks". The form is that of Graves 2013,
"Generating sequences with recurrent neural networks", equations 7 to 11, where each p is a vector:

    i = sigmoid(W_i x + U_i h + p_i * c  + b_i)
    f = sigmoid(W_f x + U_f h + p_f * c  + b_f)
    g = tanh   (W_g x + U_g h            + b_g)
    c' = f * c + i * g
    o = sigmoid(W_o x + U_o h + p_o * c' + b_o)
    h' = o * tanh(c')

Unlike the first two papers, which let no error back through a peephole, training uses the whole
gradient. Every p starts at 0, so the cell starts as an LSTM without peepholes.
"""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .layer import State, WrittenOut


class Peephole(WrittenOut):
    """Gates in the order i, f, g, o as torch's LSTM has them; the state is (h, c)."""

    num_gates: ClassVar[int] = 4
    num_states: ClassVar[int] = 2

    def __init__(self, input_size: int, cell_size: int) -> None:
        super().__init__(input_size, cell_size)
        self.peep_i = nn.Parameter(torch.zeros(cell_size))
        self.peep_f = nn.Parameter(torch.zeros(cell_size))
        self.peep_o = nn.Parameter(torch.zeros(cell_size))

    def step(self, seen: Float[Tensor, "batch gates"], state: State) -> State:
        """Return the next state, by the equations above."""
        h, c = state
        i, f, g, o = (seen + self.of_state(h)).chunk(4, dim=-1)
        i = i + self.peep_i * c
        f = f + self.peep_f * c
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        o = o + self.peep_o * c
        return o.sigmoid() * c.tanh(), c
