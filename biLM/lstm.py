"""One direction: a stack of LSTM layers read left to right, and the turn that makes it backward.

Hochreiter and Schmidhuber 1997, "Long short-term memory", with the forget gate of Gers et al.
2000. Peters et al. 2018, section 3.1: "a residual connection from the first to second LSTM layer".
"""

from copy import copy

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

WIDENED_BY = 8  # numbers; any width that is another does
FORGET_BIAS = 1.0  # Jozefowicz et al. 2015


class LstmStack(nn.Module):
    """LSTM layers of one direction, a residual connection around each from the second on.

    Args:
        input_size: Width of what the first layer reads.
        cell_size: Width of each layer's memory and output.
        num_layers: Layers.
    """

    def __init__(self, input_size: int, cell_size: int, num_layers: int) -> None:
        super().__init__()
        # One nn.LSTM a layer. nn.LSTM(num_layers=2, bidirectional=True) is not a biLM: its second
        # layer reads both directions, so its "forward" half sees the future.
        self.layers = nn.ModuleList(
            _new_layer(cell_size if layer else input_size, cell_size) for layer in range(num_layers)
        )

    def forward(
        self, x: Float[Tensor, "batch time width"], chunk_pieces: int, dropout: float = 0.0
    ) -> list[Float[Tensor, "batch time dim"]]:
        """Return what leaves each layer, every row read from a zero state.

        Args:
            x: What the first layer reads.
            chunk_pieces: Length of one LSTM call; (h, c) is carried from call to call. It bounds
                memory and keeps oneDNN to a few shapes, and does not change the result.
            dropout: Share of each layer's input that is dropped; 0 outside training.
        """
        outputs: list[Tensor] = []
        for layer in self.layers:
            residual = x if outputs else None
            x = _read_in_chunks(layer, nn.functional.dropout(x, dropout), chunk_pieces)
            x = x if residual is None else x + residual
            outputs.append(x)
        return outputs

    def widened(self) -> "LstmStack":
        """The same function with other kernels, for reading.

        Where input and memory are of one width, oneDNN takes a kernel for one row that sums in
        another order than the one for several. Zeros beside the input make the widths differ, and
        one row has the bits it has among others.
        """
        twin = copy(self)
        twin._modules = {"layers": nn.ModuleList(map(_widened, self.layers))}
        return twin


def reverse_padded(
    x: Int[Tensor, "batch time"] | Float[Tensor, "batch time dim"], lengths: Int[Tensor, " batch"]
) -> Int[Tensor, "batch time"] | Float[Tensor, "batch time dim"]:
    """Turn each sequence around inside its own length: [1, 2, 3, pad] -> [3, 2, 1, pad].

    The backward language model is then an ordinary left-to-right LSTM. Padding comes last in
    both directions, so it cannot reach a real piece: nothing needs packing, sorting or masking.
    """
    time = torch.arange(x.shape[1], device=x.device)
    source = torch.where(time < lengths[:, None], lengths[:, None] - 1 - time, time)
    source += x.shape[1] * torch.arange(len(x), device=x.device)[:, None]
    # Whole columns are moved: gather would look up every number by itself.
    return x.flatten(0, 1).index_select(0, source.flatten()).view(x.shape)


def _read_in_chunks(
    layer: nn.Module, x: Float[Tensor, "batch time width"], chunk_pieces: int
) -> Float[Tensor, "batch time dim"]:
    if layer.get_parameter("weight_ih_l0").shape[1] == x.shape[-1] + WIDENED_BY:
        x = nn.functional.pad(x, (0, WIDENED_BY))
    if x.shape[1] <= chunk_pieces:
        output: Tensor = layer(x)[0]
        return output
    state = None
    outputs = []
    for chunk in torch.split(x, chunk_pieces, dim=1):
        output, state = layer(chunk, state)
        outputs.append(output)
    return torch.cat(outputs, dim=1)


def _widened(layer: nn.Module) -> nn.Module:
    assert isinstance(layer, nn.LSTM), "a stack of something else; this is a bug"
    if layer.input_size != layer.hidden_size:
        return layer
    wide = nn.LSTM(layer.input_size + WIDENED_BY, layer.hidden_size, batch_first=True)
    for name, parameter in layer.named_parameters():
        widened = wide.get_parameter(name).requires_grad_(False).zero_()
        widened[..., : parameter.shape[-1]] = parameter
    return wide


def _new_layer(input_size: int, cell_size: int) -> nn.LSTM:
    layer = nn.LSTM(input_size, cell_size, batch_first=True)
    for name, parameter in layer.named_parameters():
        if "weight" in name:
            for gate in torch.split(parameter.data, cell_size):
                nn.init.xavier_uniform_(gate)
        else:
            nn.init.zeros_(parameter)
    # torch adds two biases and orders the gates i, f, g, o; one of the two carries the constant.
    forget_bias = layer.get_parameter("bias_ih_l0")[cell_size : 2 * cell_size]
    nn.init.constant_(forget_bias, FORGET_BIAS)
    return layer
