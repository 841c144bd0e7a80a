"""One direction: LSTM layers that read left to right, and the reversal that makes it backward.

Hochreiter and Schmidhuber 1997, "Long short-term memory", with the forget gate of Gers et al. 2000.
Peters et al. 2018, section 3.1: "a residual connection from the first to second LSTM layer".
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

# Jozefowicz et al. 2015 recommend this bias.
FORGET_BIAS = 1.0


class LstmStack(nn.Module):
    """LSTM layers of one direction, with a residual connection around each from the second on.

    Args:
        input_size: Width of the input of the first layer.
        cell_size: Width of each layer's memory and output.
        num_layers: Number of layers.
    """

    def __init__(self, input_size: int, cell_size: int, num_layers: int) -> None:
        super().__init__()
        # One nn.LSTM per layer. nn.LSTM(num_layers=2, bidirectional=True) is not a biLM: its second
        # layer reads both directions, so its "forward" half sees the future.
        self.layers = nn.ModuleList(
            _new_layer(cell_size if layer else input_size, cell_size) for layer in range(num_layers)
        )

    def forward(
        self, x: Float[Tensor, "batch time width"], chunk_pieces: int, dropout: float = 0.0
    ) -> list[Float[Tensor, "batch time dim"]]:
        """Return the output of each layer; every row starts from a zero state.

        Args:
            x: The input of the first layer.
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


def lstm_step(
    seen: Float[Tensor, "*rows gates"], c: Float[Tensor, "*rows cells"]
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gates i, f, g, o and the new c and h of one step of an LSTM.

        i, f, o = sigmoid of their part of `seen`    g = tanh of its part
        c' = f * c + i * g                           h' = o * tanh(c')

    torch's own layers compute the same and return h alone.

    Args:
        seen: W x + U h + b of every gate, side by side, in torch's order i, f, g, o.
        c: The memory before the step.
    """
    i, f, g, o = seen.chunk(4, dim=-1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = f * c + i * g
    return i, f, g, o, c, o * c.tanh()


def reverse_padded(
    x: Int[Tensor, "batch time"] | Float[Tensor, "batch time dim"], lengths: Int[Tensor, " batch"]
) -> Int[Tensor, "batch time"] | Float[Tensor, "batch time dim"]:
    """Reverse each sequence inside its own length: [1, 2, 3, pad] -> [3, 2, 1, pad].

    The backward language model is then an ordinary left-to-right LSTM. Padding comes last in both
    directions, so it cannot reach a real piece: nothing needs packing, sorting or masking.
    """
    by_time = x.transpose(0, 1)  # the memory layout of an LSTM's output
    time = torch.arange(len(by_time), device=x.device)[:, None]
    source = torch.where(time < lengths, lengths - 1 - time, time)
    source = source * len(x) + torch.arange(len(x), device=x.device)
    # index_select moves whole columns; gather would look up every value by itself.
    turned = by_time.flatten(0, 1).index_select(0, source.flatten())
    return turned.view(by_time.shape).transpose(0, 1)


def _read_in_chunks(
    layer: nn.Module, x: Float[Tensor, "batch time width"], chunk_pieces: int
) -> Float[Tensor, "batch time dim"]:
    if x.shape[1] <= chunk_pieces:
        output: Tensor = layer(x)[0]
        return output
    state = None
    outputs = []
    for chunk in torch.split(x, chunk_pieces, dim=1):
        output, state = layer(chunk, state)
        outputs.append(output)
    return torch.cat(outputs, dim=1)


def draw_weights(layer: nn.Module, cell_size: int, has_forget_gate: bool = True) -> None:
    """Initialise a recurrent layer: each gate's matrix by Xavier's rule, every bias 0 but one.

    Args:
        layer: The layer; its parameters are named and laid out as torch's are.
        cell_size: Width of a gate.
        has_forget_gate: Whether the layer has a forget gate, second in torch's order i, f, g, o.
    """
    for name, parameter in layer.named_parameters():
        if name.startswith("weight"):
            for gate in torch.split(parameter.data, cell_size):
                nn.init.xavier_uniform_(gate)
        else:
            nn.init.zeros_(parameter)
    if has_forget_gate:  # torch adds two biases; one of the two carries the constant
        forget_bias = layer.get_parameter("bias_ih_l0").data[cell_size : 2 * cell_size]
        nn.init.constant_(forget_bias, FORGET_BIAS)


def _new_layer(input_size: int, cell_size: int) -> nn.LSTM:
    layer = nn.LSTM(input_size, cell_size, batch_first=True)
    draw_weights(layer, cell_size)
    return layer
