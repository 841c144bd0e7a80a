"""An LSTM layer as it reads texts: with the kernel and in the numbers that serve best.

`nn.LSTM` lays its weights out anew for oneDNN at each call, which for one short text takes longer
than the reading. Here that is done once, and the same kernel is called (the two operators of torch
that its own compiler calls for an LSTM).
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

TILE = 32  # numbers; what a matrix unit takes at once of bfloat16
LSTM_MODE = 2  # by the numbers of torch's operator
State = tuple[Tensor, Tensor]
Kernel = Callable[[Tensor, State], tuple[Tensor, State]]


class ReadingLayer:
    """The same function as a layer, up to rounding.

    The input gets zeros beside it. Where input and memory are of one width, or the input no whole
    number of tiles, oneDNN takes a kernel for one row that sums in another order than the one for
    several; with neither, one row has the bits it has among others.

    Args:
        layer: Whose weights are copied.
        dtype: Of the numbers that are multiplied; what a cell remembers stays float32. Another
            than float32 needs oneDNN.
    """

    def __init__(self, layer: nn.Module, dtype: torch.dtype) -> None:
        assert isinstance(layer, nn.LSTM), "a stack of something else; this is a bug"
        width = -(-layer.input_size // TILE) * TILE
        width += TILE if width == layer.hidden_size else 0
        self._num_zeros = width - layer.input_size
        self._cell_size = layer.hidden_size
        self._dtype = dtype
        wide = nn.LSTM(width, layer.hidden_size, dtype=dtype).requires_grad_(False)
        for name, parameter in layer.named_parameters():
            copied = wide.get_parameter(name).zero_()
            copied[..., : parameter.shape[-1]] = parameter
        has_onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        self._kernel: Kernel = partial(_call_onednn, _laid_out(wide)) if has_onednn else wide

    @torch.no_grad()  # with gradients oneDNN takes kernels for training, which sum otherwise
    def __call__(
        self, x: Float[Tensor, "time batch width"], state: State
    ) -> tuple[Float[Tensor, "time batch dim"], State]:
        """Return what leaves the layer, and the state after the last step; x is of the dtype."""
        if self._num_zeros:
            x = nn.functional.pad(x, (0, self._num_zeros))
        return self._kernel(x.contiguous(), state)

    def zero_state(self, num_rows: int) -> State:
        """The h of the precision, but a c of float32: it adds up small numbers over a text."""
        shape = 1, num_rows, self._cell_size
        return torch.zeros(shape, dtype=self._dtype), torch.zeros(shape)


def _laid_out(lstm: nn.LSTM) -> list[Tensor]:
    """The four parameters, the two matrices as oneDNN reads them."""
    from_input, from_state, *biases = lstm.all_weights[0]
    matrices = torch.ops.mkldnn._reorder_mkldnn_rnn_layer_weight(
        from_input, from_state, lstm.hidden_size, reverse=False, has_biases=True, batch_first=False
    )
    return [*matrices, *biases]


def _call_onednn(
    weights: Sequence[Tensor], x: Float[Tensor, "time batch width"], state: State
) -> tuple[Float[Tensor, "time batch dim"], State]:
    output, h, c, _ = torch.ops.aten.mkldnn_rnn_layer(
        x,
        *weights,
        *state,
        reverse=False,
        batch_sizes=[],
        mode=LSTM_MODE,
        hidden_size=state[0].shape[-1],
        num_layers=1,
        has_biases=True,
        bidirectional=False,
        batch_first=False,
        train=False,
    )
    return output, (h, c)
