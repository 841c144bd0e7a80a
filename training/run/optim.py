"""Update the weights by Adam: clip the gradient, and warm up, hold and decay the learning rate."""

import math

import torch
from torch import nn

from .config import TrainConfig

# A run has some ten thousand steps, so it forgets old gradients sooner than is usual.
BETAS = (0.9, 0.99)


def build_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Adam:
    """Build an Adam that updates all parameters in one fused call."""
    return torch.optim.Adam(
        model.parameters(), lr=config.learning_rate, betas=BETAS, eps=1e-8, fused=True
    )


def learning_rate(config: TrainConfig, step: int, progress: float) -> float:
    """Return the learning rate of a step.

    It rises linearly from 0 over the warm-up, stays level, and falls by 1 - sqrt over the last part
    of the budget. Until the decay begins, the rate depends neither on the budget nor on the decay's
    share, so a run that is given new ones goes on as if it had had them from the start (Hägele et
    al. 2024, "Scaling laws and compute-optimal training beyond fixed training durations"; this
    decay is also their best).

    Args:
        config: The recipe.
        step: Steps taken so far.
        progress: Share of the budget that is used, 0 to 1.
    """
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    decayed = min(1.0, max(0.0, progress - (1 - config.decay_share)) / config.decay_share)
    share = config.final_share + (1 - config.final_share) * (1 - math.sqrt(decayed))
    return config.learning_rate * share


def apply_gradient(
    model: nn.Module, optimizer: torch.optim.Adam, rate: float, max_norm: float
) -> float:
    """Clip the gradient, take one step and clear the gradient; return its norm before clipping.

    If the norm is not finite, no step is taken: the weights and moments stay as they were.
    """
    gradients = [one.grad for one in model.parameters() if one.grad is not None]
    total_norm = nn.utils.get_total_norm(gradients)
    norm = float(total_norm)  # a sync point
    if norm > max_norm:  # rare; without the test, every gradient would be multiplied by 1
        nn.utils.clip_grads_with_norm_(model.parameters(), max_norm, total_norm)
    for group in optimizer.param_groups:
        group["lr"] = rate
    if math.isfinite(norm):
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return norm
