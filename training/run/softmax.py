"""Compute the softmax loss together with its gradient, on a CPU in blocks that stay in the cache.

Written out, the loss of P places over K pieces passes over a P x K matrix about ten times, each
time from memory; with three heads of 2,048 places and as many negatives, that takes 100 ms a step.
Here the gradient of a block is computed while the block's probabilities are still in the cache, and
the probabilities stay in the precision in which they are multiplied. That takes a quarter of the
time (two cores with AMX bfloat16). With u_j = exp(o_j):

    full      loss = log sum_j u_j - o_t               d loss / d o_j = p_j - [j = t]
    sampled   loss = log (u_t + sum_s u_s) - o_t       the same over the target and the samples
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

# The places of a block whose matrices stay in the cache of a CPU.
BLOCK_PLACES = 512
# A GPU is slowed down by many small operations instead. A block of so many logits takes half a
# gigabyte in float32, and there are about three matrices of that size at a time.
BLOCK_LOGITS = 1 << 27


def block_places(device: torch.device, num_pieces: int) -> int:
    """Return how many places are computed at a time, each with this many logits."""
    if device.type == "cpu":
        return BLOCK_PLACES
    return max(BLOCK_PLACES, BLOCK_LOGITS // num_pieces)


def softmax_loss(
    expected: Float[Tensor, "place width"],
    target_logits: Float[Tensor, " place"],
    pieces: Float[Tensor, "piece width"],
    bias: Float[Tensor, " piece"],
    weights: Float[Tensor, " place"],
    targets_apart: bool,
) -> tuple[Float[Tensor, ""], Float[Tensor, " place"]]:
    """Return the weighted sum of the losses, to be differentiated, and each place's own loss.

    Args:
        expected: The vector that is expected in every place.
        target_logits: The logit of the piece that stands in each place.
        pieces: The vectors of all pieces of the vocabulary, or of the pieces that were drawn.
        bias: The bias of each of these pieces.
        weights: How much each place counts; 0 leaves it out. They carry no gradient.
        targets_apart: Whether the target is not among the pieces and so adds to the sum, as in the
            sampled softmax.
    """
    given = (expected, target_logits, pieces, bias, weights, targets_apart)
    found: tuple[Tensor, Tensor] = _SoftmaxLoss.apply(*given)  # type: ignore[no-untyped-call]
    return found


class _SoftmaxLoss(torch.autograd.Function):
    """Keep the gradients from the forward pass, not the values they are computed from."""

    @staticmethod
    def forward(
        ctx: Any,
        expected: Tensor,
        target_logits: Tensor,
        pieces: Tensor,
        bias: Tensor,
        weights: Tensor,
        targets_apart: bool,
    ) -> tuple[Tensor, Tensor]:
        device = expected.device.type
        low = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else bias.dtype
        losses = torch.empty_like(target_logits)
        grads = [torch.empty_like(expected, dtype=bias.dtype), torch.empty_like(target_logits)]
        piece_grad, bias_grad = torch.zeros_like(pieces, dtype=bias.dtype), torch.zeros_like(bias)
        with torch.autocast(device, enabled=False):
            columns, low_bias = pieces.to(low).t().contiguous(), bias.to(low)
            step = block_places(expected.device, len(pieces))
            for begin in range(0, len(target_logits), step):
                block = slice(begin, begin + step)
                rows = expected[block].to(low)
                logits = torch.addmm(low_bias, rows, columns)
                p = logits.softmax(-1)
                # The highest p and its logit give log sum u without another pass over the block.
                log_total = logits.amax(-1).to(bias.dtype) - p.amax(-1).to(bias.dtype).log()
                losses[block], share = log_total - target_logits[block], weights[block]
                if targets_apart:
                    # p covers only the samples; this is their share of the whole probability.
                    share = share * losses[block].sigmoid()
                    losses[block] = nn.functional.softplus(losses[block])
                grads[0][block] = (p @ columns.t()).to(bias.dtype).mul_(share[:, None])
                grads[1][block] = -share
                piece_grad += p.t() @ (rows * share[:, None]).to(low)
                bias_grad += p.t() @ share.to(low)
        ctx.save_for_backward(*grads, piece_grad, bias_grad)
        ctx.dtypes = expected.dtype, pieces.dtype
        ctx.mark_non_differentiable(losses)
        return (losses * weights).sum(), losses

    @staticmethod
    def backward(ctx: Any, scale: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        expected, target_logits, pieces, bias = (grad * scale for grad in ctx.saved_tensors)
        return expected.to(ctx.dtypes[0]), target_logits, pieces.to(ctx.dtypes[1]), bias, None, None
