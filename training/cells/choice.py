"""The cells a recipe can name, each as a layer that trains fast and as one that can be looked into.

torch has the LSTM, the GRU and the simple recurrent network; on a CPU oneDNN fuses the LSTM alone,
and the two others are loops inside torch. Nothing fuses peepholes: their layer is the loop of
`layer`, in Python.
"""

from torch import nn

from biLM.lstm import draw_weights
from biLM.model import BiLM
from training.cells.gru import Gru
from training.cells.layer import WrittenOut
from training.cells.lstm import Lstm
from training.cells.peephole import Peephole
from training.cells.rnn import Rnn

LSTM = "lstm"  # the cell of biLM, and of every artifact
CELLS: dict[str, type[WrittenOut]] = {LSTM: Lstm, "peephole": Peephole, "gru": Gru, "rnn": Rnn}
OF_TORCH: dict[str, type[nn.LSTM | nn.GRU | nn.RNN]] = {LSTM: nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
WITH_FORGET_GATE = (LSTM, "peephole")


def new_layer(cell: str, input_size: int, cell_size: int) -> nn.Module:
    """A layer at the start of training, torch's own where torch has the cell.

    It begins as the layers of `biLM.lstm` do.
    """
    layer: nn.Module
    if cell in OF_TORCH:
        layer = OF_TORCH[cell](input_size, cell_size, batch_first=True)
    else:
        layer = CELLS[cell](input_size, cell_size)
    draw_weights(layer, cell_size, has_forget_gate=cell in WITH_FORGET_GATE)
    return layer


def written_out(cell: str, layer: nn.Module) -> WrittenOut:
    """A layer's weights, in its precision, where every state on the way can be seen."""
    weight = layer.get_parameter("weight_ih_l0")
    cell_size = layer.get_parameter("weight_hh_l0").shape[1]
    found = CELLS[cell](weight.shape[1], cell_size).to(weight.dtype)
    found.load_state_dict(layer.state_dict())
    return found


def give_cell(model: BiLM, cell: str) -> None:
    """Replace the LSTM layers of a new biLM by as many of another cell, of the same sizes."""
    if cell == LSTM:
        return
    sizes = model.config
    for stack in (model.forward_lm, model.backward_lm):
        for depth in range(sizes.num_layers):
            input_size = sizes.cell_size if depth else sizes.embedding_size
            stack.layers[depth] = new_layer(cell, input_size, sizes.cell_size)
