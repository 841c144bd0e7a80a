"""Adam with warm-up, cosine decay and a bound on the norm of the gradient."""

import math

import torch
from torch import nn

from training.config import TrainConfig
from training.errors import DivergenceError

BETAS = (0.9, 0.99)  # a run of some ten thousand steps: forget old gradients sooner than by habit


def build_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Adam:
    """Adam in one fused call over all parameters."""
    return torch.optim.Adam(
        model.parameters(), lr=config.learning_rate, betas=BETAS, eps=1e-8, fused=True
    )


def learning_rate(config: TrainConfig, step: int, progress: float) -> float:
    """Linear from 0 over the warm-up, then a cosine over the budget that is left.

    Args:
        config: The recipe.
        step: Steps taken.
        progress: Share of the budget that is used, 0 to 1.
    """
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    share = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return config.learning_rate * (config.final_share + (1 - config.final_share) * share)


def apply_gradient(
    model: nn.Module, optimizer: torch.optim.Adam, rate: float, max_norm: float
) -> float:
    """Clip the gradient, take one step, forget the gradient; return its norm before clipping.

    Raises:
        DivergenceError: the norm is not finite; the weights are left as they were.
    """
    norm = float(nn.utils.clip_grad_norm_(model.parameters(), max_norm))  # a sync point
    if not math.isfinite(norm):
        raise DivergenceError(
            f"the norm of the gradient is {norm}, so no step was taken; the last checkpoint is"
            " sound: lower learning_rate and start a new run"
        )
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return norm
