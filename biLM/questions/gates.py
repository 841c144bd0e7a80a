"""The gates and the cell state of one LSTM layer, computed step by step for every piece.

Hochreiter and Schmidhuber 1997, "Long short-term memory"; the forget gate is that of Gers et al.
2000, "Learning to forget". Let x be the input of the layer, h' and c' its state and cell state one
step before (zero at first), W and U its matrices, and b the sum of its two biases:

    i = sigmoid(W_i x + U_i h' + b_i)    input gate: how much of the candidate is written
    f = sigmoid(W_f x + U_f h' + b_f)    forget gate: how much of the cell state is kept
    g = tanh   (W_g x + U_g h' + b_g)    candidate
    o = sigmoid(W_o x + U_o h' + b_o)    output gate: how much of the cell state is shown
    c = f * c' + i * g                   cell state
    h = o * tanh(c)                      state

The fast kernels that read texts return only h, so this module computes every value itself.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from biLM.errors import LayerError
from biLM.network.config import BOUNDARY_PIECES
from biLM.network.lstm import lstm_step
from biLM.network.model import BiLM
from biLM.questions.question import Cost

Direction = Literal["forward", "backward"]
Numbers = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Gates:
    """The gates and states of one layer of one direction; every field is `[pieces, cells]`.

    Args:
        input_gate: i, in [0, 1].
        forget_gate: f, in [0, 1].
        candidate: g, in [-1, 1].
        output_gate: o, in [0, 1].
        cell_state: c after the piece is read.
        state: h after the piece is read: the output of the layer before a residual connection is
            added.
    """

    input_gate: Numbers
    forget_gate: Numbers
    candidate: Numbers
    output_gate: Numbers
    cell_state: Numbers
    state: Numbers


@dataclass(frozen=True)
class GatesFor:
    """A question about the gates and cell states of one layer of one direction.

    The answer is float32, whatever precision texts are read in.

    Args:
        model: The model that contains the layer.
        ids: Piece ids of the text. The boundary pieces are read as well, but have no row in the
            answer.
        layer: The layer, counted from 1, because representation 0 is the piece embedding.
        direction: `forward` reads the text from its beginning, `backward` from its end.

    Raises:
        LayerError: the model has no such layer.
    """

    model: BiLM
    ids: tuple[int, ...]
    layer: int
    direction: Direction

    def __post_init__(self) -> None:
        num_layers = self.model.config.num_layers
        if not 1 <= self.layer <= num_layers:
            raise LayerError(
                f"layer {self.layer} has no gates; choose an LSTM layer, numbered 1 to {num_layers}"
            )

    @property
    def cost(self) -> Cost:
        """One step for each piece and boundary piece, in each layer up to the requested one."""
        num_steps = self.layer * (len(self.ids) + BOUNDARY_PIECES)
        return Cost(num_gate_steps=num_steps, stepped_pieces=len(self.ids))

    def steps(self) -> Generator[None, None, Gates]:
        """Compute the answer, pausing after each step; its rows are in text order either way."""
        config = self.model.config
        framed = torch.tensor([config.bos_id, *self.ids, config.eos_id])
        is_forward = self.direction == "forward"
        stack = self.model.forward_lm if is_forward else self.model.backward_lm
        x = self.model.embedding.weight[framed if is_forward else framed.flip(0)]
        *below, last = stack.layers[: self.layer]
        for depth, lstm in enumerate(below):
            (h,) = yield from _read(lstm, x, only_state=True)
            x = x + h if depth else h  # a residual connection from the second layer on
        found = yield from _read(last, x)
        in_text_order = found if is_forward else found.flip(1)
        return Gates(*in_text_order[:, 1:-1].contiguous().numpy())


def _read(lstm: nn.Module, x: Tensor, only_state: bool = False) -> Generator[None, None, Tensor]:
    """Return i, f, g, o, c, h of every step of a row `[time, width]`: `[values, time, cells]`.

    Args:
        lstm: The layer.
        x: Its input.
        only_state: Whether h alone is returned; the other values then take no memory.
    """
    w, u = lstm.get_parameter("weight_ih_l0"), lstm.get_parameter("weight_hh_l0")
    b = lstm.get_parameter("bias_ih_l0") + lstm.get_parameter("bias_hh_l0")
    h = c = x.new_zeros(u.shape[1])
    found = []
    for from_input in x @ w.T + b:
        values = lstm_step(from_input + u @ h, c)
        *_, c, h = values
        found.append(torch.stack((h,) if only_state else values))
        yield
    return torch.stack(found, dim=1)
