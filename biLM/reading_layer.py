"""An LSTM layer as it reads texts: with the kernel and in the numbers that serve best.

`nn.LSTM` lays its weights out anew for oneDNN at each call, which for one short text takes longer
than the reading. Here that is done once, and the same kernel is called (the two operators of torch
that its own compiler calls for an LSTM).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

TILE = 32  # numbers; what a matrix unit takes at once of bfloat16
LSTM_MODE = 2  # by the numbers of torch's operator
State = tuple[Tensor, Tensor]


class ReadingLayer(nn.Module):
    """The same function as a layer, up to rounding; float32 goes in and comes out.

    The input gets zeros beside it. Where input and memory are of one width, or the input no whole
    number of tiles, oneDNN takes a kernel for one row that sums in another order than the one for
    several; with neither, one row has the bits it has among others.

    Args:
        layer: Whose weights are copied.
        dtype: Of the numbers that are multiplied; what a cell remembers stays float32. Another
            than float32 needs oneDNN.
    """

    def __init__(self, layer: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
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
        self._weights = _laid_out(wide) if has_onednn else None
        self._plain = None if has_onednn else wide

    @torch.no_grad()  # with gradients oneDNN takes kernels for training, which sum otherwise
    def forward(
        self, x: Float[Tensor, "batch time width"], state: State | None = None
    ) -> tuple[Float[Tensor, "batch time dim"], State]:
        """Return what leaves the layer, and the state after the last column."""
        by_time = x.transpose(0, 1).to(self._dtype)
        if self._num_zeros:
            by_time = nn.functional.pad(by_time, (0, self._num_zeros))
        output, state = self._read(by_time.contiguous(), state or self._zero_state(len(x)))
        return output.transpose(0, 1).to(x.dtype), state

    def _zero_state(self, num_rows: int) -> State:
        """The h of the precision, but a c of float32: it adds up small numbers over a text."""
        h = torch.zeros(1, num_rows, self._cell_size, dtype=self._dtype)
        return h, h.float()

    def _read(
        self, x: Float[Tensor, "time batch width"], state: State
    ) -> tuple[Float[Tensor, "time batch dim"], State]:
        if self._weights is None:
            assert self._plain is not None, "neither the one nor the other; this is a bug"
            output, state = self._plain(x, state)
            return output, state
        output, h, c, _ = torch.ops.aten.mkldnn_rnn_layer(
            x,
            *self._weights,
            *state,
            reverse=False,
            batch_sizes=[],
            mode=LSTM_MODE,
            hidden_size=self._cell_size,
            num_layers=1,
            has_biases=True,
            bidirectional=False,
            batch_first=False,
            train=False,
        )
        return output, (h, c)


def _laid_out(lstm: nn.LSTM) -> list[Tensor]:
    """The four parameters, the two matrices as oneDNN reads them."""
    from_input, from_state, *biases = lstm.all_weights[0]
    matrices = torch.ops.mkldnn._reorder_mkldnn_rnn_layer_weight(
        from_input, from_state, lstm.hidden_size, reverse=False, has_biases=True, batch_first=False
    )
    return [*matrices, *biases]
