"""The gates and the cell of an LSTM layer, step by step: what each piece lets in, keeps and shows.

Hochreiter and Schmidhuber 1997, "Long short-term memory"; the forget gate is that of Gers et al.
2000, "Learning to forget". With x what the layer reads, h' and c' its state and cell one step
before (zero at first), W and U its matrices and b the sum of its two biases:

    i = sigmoid(W_i x + U_i h' + b_i)    input gate: how much of the candidate is written
    f = sigmoid(W_f x + U_f h' + b_f)    forget gate: how much of the cell is kept
    g = tanh   (W_g x + U_g h' + b_g)    candidate
    o = sigmoid(W_o x + U_o h' + b_o)    output gate: how much of the cell is shown
    c = f * c' + i * g                   cell state
    h = o * tanh(c)                      state

The kernels that read texts fast keep all but h to themselves.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from biLM.config import BOUNDARY_PIECES
from biLM.errors import LayerError
from biLM.model import BiLM

Direction = Literal["forward", "backward"]
Numbers = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Gates:
    """What one layer of one direction does at each piece of a text: every field `[pieces, cells]`.

    Args:
        input_gate: i, in [0, 1].
        forget_gate: f, in [0, 1].
        candidate: g, in [-1, 1].
        output_gate: o, in [0, 1].
        cell_state: c, after the piece.
        state: h, after the piece; what leaves the layer before a residual connection adds to it.
    """

    input_gate: Numbers
    forget_gate: Numbers
    candidate: Numbers
    output_gate: Numbers
    cell_state: Numbers
    state: Numbers


@dataclass(frozen=True)
class GatesOf:
    """The question after the gates and cells of one layer of one direction.

    Whatever the precision in which texts are read, these are float32.

    Args:
        model: Whose layer it is.
        ids: Piece ids of the text; the boundary pieces are read around it and have no row.
        layer: Counted from 1, for representation 0 is the piece embedding.
        direction: From which end the text is read.

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
                f"layer {self.layer} has no gates; those that have are numbered 1 to {num_layers}"
            )

    @property
    def num_steps(self) -> int:
        """A step for each piece and each layer up to the one that is asked for."""
        return self.layer * (len(self.ids) + BOUNDARY_PIECES)

    @property
    def stepped_pieces(self) -> int:
        """Pieces of the text."""
        return len(self.ids)

    def steps(self) -> Generator[None, None, Gates]:
        """The answer, its rows in the order of the text whichever way it is read."""
        config = self.model.config
        framed = torch.tensor([config.bos_id, *self.ids, config.eos_id])
        is_forward = self.direction == "forward"
        stack = self.model.forward_lm if is_forward else self.model.backward_lm
        x = self.model.embedding.weight[framed if is_forward else framed.flip(0)]
        first, *others = stack.layers[: self.layer]
        found = yield from _read(first, x)
        x = found[-1]
        for lstm in others:
            found = yield from _read(lstm, x)
            x = x + found[-1]  # a residual connection around each layer from the second on
        in_text_order = found if is_forward else found.flip(1)
        return Gates(*in_text_order[:, 1:-1].contiguous().numpy())


def _read(lstm: nn.Module, x: Tensor) -> Generator[None, None, Tensor]:
    """i, f, g, o, c and h of every step of a row `[time, width]`, as `[values, time, cells]`."""
    w, u = lstm.get_parameter("weight_ih_l0"), lstm.get_parameter("weight_hh_l0")
    b = lstm.get_parameter("bias_ih_l0") + lstm.get_parameter("bias_hh_l0")
    h = c = x.new_zeros(u.shape[1])
    found = []
    for from_input in x @ w.T + b:
        i, f, g, o = (from_input + u @ h).view(4, -1)  # as torch stacks them
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = f * c + i * g
        h = o * c.tanh()
        found.append(torch.stack([i, f, g, o, c, h]))
        yield
    return torch.stack(found, dim=1)
