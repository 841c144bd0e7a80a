"""Call oneDNN's LSTM kernel by the two operators that torch's own compiler uses.

The operators are not a public interface of torch, and its next version may change or remove them.
So they are tried on a tiny layer before anything relies on them. If their results differ from those
of torch's own layer, that layer reads instead, in float32 only and more slowly.
"""

import logging
from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor, nn

State = tuple[Tensor, Tensor]
# torch's operator knows the LSTM by this number.
LSTM_MODE = 2
TRIED_STEPS, TRIED_ROWS, TRIED_WIDTH, TRIED_CELLS = 3, 2, 8, 4
# The rounding of a few steps stays below this. Gates or results in another order are off by 0.1.
TOLERANCE = 1e-5
# A missing operator, another signature or another number of results raises one of these.
UNLIKE_EXPECTED = (AttributeError, RuntimeError, TypeError, ValueError)

logger = logging.getLogger(__name__)


def has_kernel() -> bool:
    """Return whether this torch has oneDNN and its kernel agrees with torch's own layer."""
    try:
        has_onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    except UNLIKE_EXPECTED as error:
        return _refuse(str(error))
    return has_onednn and _works()


@cache
@torch.no_grad()
def multiplies_bfloat16() -> bool:
    """Return whether the kernel runs in bfloat16 on this machine.

    The kernel raises an error if ONEDNN_MAX_CPU_ISA forbids oneDNN the processor's bfloat16 units.
    """
    x = torch.zeros(TRIED_STEPS, TRIED_ROWS, TRIED_WIDTH, dtype=torch.bfloat16)
    c = torch.zeros(1, TRIED_ROWS, TRIED_CELLS)
    try:
        weights = laid_out(_tiny_layer(torch.bfloat16))
        call(weights, x, (c.bfloat16(), c))
    except UNLIKE_EXPECTED:
        return False
    return True


@torch.no_grad()
def laid_out(lstm: nn.LSTM) -> list[Tensor]:
    """Return the four parameters, with the two matrices rearranged for oneDNN."""
    from_input, from_state, *biases = lstm.all_weights[0]
    matrices = torch.ops.mkldnn._reorder_mkldnn_rnn_layer_weight(
        from_input, from_state, lstm.hidden_size, reverse=False, has_biases=True, batch_first=False
    )
    return [*matrices, *biases]


def call(
    weights: Sequence[Tensor], x: Float[Tensor, "time batch width"], state: State
) -> tuple[Float[Tensor, "time batch dim"], State]:
    """Return the output of the layer and the state after the last step."""
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


@cache
def _works() -> bool:
    try:
        deviation = _deviation()
    except UNLIKE_EXPECTED as error:
        return _refuse(str(error))
    if not deviation <= TOLERANCE:
        return _refuse(f"their results are off by {deviation:.1e}")
    return True


@torch.no_grad()
def _deviation() -> float:
    """Return the largest difference between the kernel and torch's own layer, on a tiny layer."""
    generator = torch.Generator().manual_seed(0)
    lstm = _tiny_layer(torch.float32)
    for parameter in lstm.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator))
    x = torch.randn(TRIED_STEPS, TRIED_ROWS, TRIED_WIDTH, generator=generator)
    h, c = torch.rand(2, 1, TRIED_ROWS, TRIED_CELLS, generator=generator)
    output, state = call(laid_out(lstm), x, (h, c))
    expected, expected_state = lstm(x, (h, c))
    pairs = zip((output, *state), (expected, *expected_state), strict=True)
    return max(float((found - wanted).abs().max()) for found, wanted in pairs)


def _tiny_layer(dtype: torch.dtype) -> nn.LSTM:
    """Return a layer to try the kernel on, and leave the caller's random state as it was.

    Otherwise the first training step, which tries the kernel, would draw other numbers than the
    same step of a run that has tried it before.
    """
    with torch.random.fork_rng(devices=[]):
        return nn.LSTM(TRIED_WIDTH, TRIED_CELLS, dtype=dtype)


@cache  # warns once for each cause, not for each layer
def _refuse(cause: str) -> bool:
    logger.warning(
        "torch %s lacks the two operators of oneDNN's LSTM, or they have changed (%s);"
        " torch's own layer reads instead, in float32 and more slowly",
        torch.__version__,
        cause,
    )
    return False
