"""An LSTM layer as it reads texts: with the kernel and in the numbers that serve best.

`nn.LSTM` lays its weights out anew for oneDNN at each call, which for one short text takes longer
than the reading. Here that is done once, and the same kernel is called (`biLM.reading.onednn`).
"""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from biLM.reading import onednn

TILE = 32  # numbers; what a matrix unit takes at once of bfloat16
State = onednn.State
Kernel = Callable[[Tensor, State], tuple[Tensor, State]]


class ReadingLayer:
    """The same function as a layer, up to rounding.

    The input gets zeros beside it. Where input and memory are of one width, or the input no whole
    number of tiles, oneDNN takes a kernel for one row that sums in another order than the one for
    several; with neither, one row has the bits it has among others.

    Args:
        layer: Whose weights are copied.
        dtype: Of the numbers that are multiplied; what a cell remembers stays float32. Another
            than float32 needs oneDNN's kernel.
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
        self._kernel: Kernel = wide
        if onednn.has_kernel():
            self._kernel = partial(onednn.call, onednn.laid_out(wide))

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
