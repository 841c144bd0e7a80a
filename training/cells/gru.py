"""Compute the GRU: one state, a gate that keeps it, and a gate that hides it from the candidate.

Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder for statistical machine
translation", section 2.3, equations 5 to 8, with biases:

    r = sigmoid(W_r x + b_r + U_r h + d_r)          reset gate
    z = sigmoid(W_z x + b_z + U_z h + d_z)          update gate: 1 keeps the state
    n = tanh   (W_n x + b_n + r * (U_n h + d_n))    candidate
    h' = z * h + (1 - z) * n

Unlike the paper, whose candidate reads U_n (r * h), this is torch's variant: r acts on the product,
so that one product with the state serves all gates.
"""

from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from .layer import State, WrittenOut


class Gru(WrittenOut):
    """Gates in torch's order r, z, n; the state is (h,)."""

    num_gates: ClassVar[int] = 3
    num_states: ClassVar[int] = 1

    def step(self, seen: Float[Tensor, "batch gates"], state: State) -> State:
        """Return the next state, by the equations above."""
        (h,) = state
        r_x, z_x, n_x = seen.chunk(3, dim=-1)
        r_h, z_h, n_h = self.of_state(h).chunk(3, dim=-1)
        r, z = (r_x + r_h).sigmoid(), (z_x + z_h).sigmoid()
        n = (n_x + r * n_h).tanh()
        return (z * h + (1 - z) * n,)
