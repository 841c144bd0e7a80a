"""An LSTM layer that only reads texts: it uses the fastest kernel and the chosen precision.

At each call, `nn.LSTM` rearranges its weights for oneDNN, which takes longer than reading one short
text. Here the weights are rearranged once, and the same kernel is called (`biLM.reading.onednn`).
"""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from biLM.reading import onednn

# A matrix unit multiplies this many bfloat16 numbers at once.
TILE = 32
State = onednn.State
Kernel = Callable[[Tensor, State], tuple[Tensor, State]]


class ReadingLayer:
    """Computes the same function as an LSTM layer, up to rounding.

    oneDNN reads a single row with a kernel of its own, which adds in another order, if the input is
    as wide as the memory or its width is not a multiple of 32. Zeros beside the input avoid both,
    so a row gets the same bits alone and among others.

    Args:
        layer: The layer whose weights are copied.
        dtype: The type of the numbers that are multiplied. The memory of a cell stays float32. Any
            type but float32 needs oneDNN's kernel.
    """

    def __init__(self, layer: nn.Module, dtype: torch.dtype) -> None:
        assert isinstance(layer, nn.LSTM), "a stack of something else; this is a bug"
        width = -(-layer.input_size // TILE) * TILE
        width += TILE if width == layer.hidden_size else 0
        self._num_zeros = width - layer.input_size
        self._cell_size = layer.hidden_size
        self._dtype = dtype
        with torch.random.fork_rng(devices=[]):  # torch draws weights, which are overwritten
            wide = nn.LSTM(width, layer.hidden_size, dtype=dtype).requires_grad_(False)
        for name, parameter in layer.named_parameters():
            copied = wide.get_parameter(name).zero_()
            copied[..., : parameter.shape[-1]] = parameter.detach()
        self._kernel: Kernel = wide
        if onednn.has_kernel():
            self._kernel = partial(onednn.call, onednn.laid_out(wide))

    @torch.no_grad()  # with gradients, oneDNN takes its training kernels, which add otherwise
    def __call__(
        self, x: Float[Tensor, "time batch width"], state: State
    ) -> tuple[Float[Tensor, "time batch dim"], State]:
        """Return the output of the layer and the state after the last step; x has the dtype."""
        if self._num_zeros:
            x = nn.functional.pad(x, (0, self._num_zeros))
        return self._kernel(x.contiguous(), state)

    def zero_state(self, num_rows: int) -> State:
        """Return zeros: h in the dtype, but c in float32, because it adds up small values."""
        shape = 1, num_rows, self._cell_size
        return torch.zeros(shape, dtype=self._dtype), torch.zeros(shape)
