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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor, nn

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


@torch.inference_mode()
def gates_of(model: BiLM, ids: Sequence[int], layer: int, direction: Direction) -> Gates:
    """The gates of a text, its rows in the order of the text whichever way the layer reads.

    Always in float32: the precision in which texts are read does not matter here.

    Args:
        model: Whose layer it is.
        ids: Piece ids of the text; the boundary pieces are read around it and have no row.
        layer: Counted from 1, for representation 0 is the piece embedding.
        direction: From which end the text is read.

    Raises:
        LayerError: the model has no such layer.
    """
    if not 1 <= layer <= model.config.num_layers:
        raise LayerError(
            f"layer {layer} has no gates; those that have are numbered 1 to"
            f" {model.config.num_layers}"
        )
    stack = {"forward": model.forward_lm, "backward": model.backward_lm}[direction]
    framed = torch.tensor([model.config.bos_id, *ids, model.config.eos_id])
    x = model.embedding.weight[framed if direction == "forward" else framed.flip(0)]
    first, *others = stack.layers[:layer]
    steps = _read(first, x)
    x = steps[-1]
    for lstm in others:
        steps = _read(lstm, x)
        x = x + steps[-1]  # a residual connection around each layer from the second on
    in_text_order = steps if direction == "forward" else steps.flip(1)
    return Gates(*in_text_order[:, 1:-1].contiguous().numpy())


def _read(lstm: nn.Module, x: Float[Tensor, "time width"]) -> Float[Tensor, "values time dim"]:
    """i, f, g, o, c and h of every step of a row."""
    w, u = lstm.get_parameter("weight_ih_l0"), lstm.get_parameter("weight_hh_l0")
    b = lstm.get_parameter("bias_ih_l0") + lstm.get_parameter("bias_hh_l0")
    h = c = x.new_zeros(u.shape[1])
    steps = []
    for from_input in x @ w.T + b:
        i, f, g, o = (from_input + u @ h).view(4, -1)  # as torch stacks them
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = f * c + i * g
        h = o * c.tanh()
        steps.append(torch.stack([i, f, g, o, c, h]))
    return torch.stack(steps, dim=1)
