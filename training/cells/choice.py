"""Build the cells a recipe can name: as a layer that trains fast, or as one that shows its states.

torch has the LSTM, the GRU and the simple recurrent network. On a CPU oneDNN fuses only the LSTM;
the other two are loops inside torch. Nothing fuses peepholes, so their layer is the Python loop of
`layer`.
"""

from torch import nn

from biLM.network.lstm import draw_weights
from biLM.network.model import BiLM

from ..choices import LSTM
from .gru import Gru
from .layer import WrittenOut
from .lstm import Lstm
from .peephole import Peephole
from .rnn import Rnn

CELLS: dict[str, type[WrittenOut]] = {LSTM: Lstm, "peephole": Peephole, "gru": Gru, "rnn": Rnn}
OF_TORCH: dict[str, type[nn.LSTM | nn.GRU | nn.RNN]] = {LSTM: nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
WITH_FORGET_GATE = (LSTM, "peephole")


def new_layer(cell: str, input_size: int, cell_size: int) -> nn.Module:
    """Return an untrained layer, which is torch's own where torch has the cell.

    Its weights start as those of the layers in `biLM.network.lstm` do.
    """
    layer: nn.Module
    if cell in OF_TORCH:
        layer = OF_TORCH[cell](input_size, cell_size, batch_first=True)
    else:
        layer = CELLS[cell](input_size, cell_size)
    draw_weights(layer, cell_size, has_forget_gate=cell in WITH_FORGET_GATE)
    return layer


def written_out(cell: str, layer: nn.Module) -> WrittenOut:
    """Copy a layer, with its precision and device, into one that shows every state on the way."""
    weight = layer.get_parameter("weight_ih_l0")
    cell_size = layer.get_parameter("weight_hh_l0").shape[1]
    found = CELLS[cell](weight.shape[1], cell_size).to(weight)
    found.load_state_dict(layer.state_dict())
    return found


def give_cell(model: BiLM, cell: str) -> None:
    """Replace the LSTM layers of a new biLM by layers of another cell, equal in number and size."""
    if cell == LSTM:
        return
    sizes = model.config
    for stack in (model.forward_lm, model.backward_lm):
        for depth in range(sizes.num_layers):
            input_size = sizes.cell_size if depth else sizes.embedding_size
            stack.layers[depth] = new_layer(cell, input_size, sizes.cell_size)
