"""Update the weights by Adam: clip the gradient, and warm up, hold and decay the learning rate."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

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
) -> Float[Tensor, ""]:
    """Clip the gradient, take one step and clear the gradient; return its norm before clipping.

    If the norm is not finite, no step is taken: the weights and moments stay as they were.
    """
    gradients = [one.grad for one in model.parameters() if one.grad is not None]
    norm = nn.utils.get_total_norm(gradients)
    for group in optimizer.param_groups:
        group["lr"] = rate
    step = _step_at_once if norm.device.type == "cpu" else _step_unseen
    step(model, optimizer, norm, max_norm)
    optimizer.zero_grad(set_to_none=True)
    return norm


def _step_at_once(
    model: nn.Module, optimizer: torch.optim.Adam, norm: Float[Tensor, ""], max_norm: float
) -> None:
    """Look at the norm first, which costs nothing on a CPU and saves most of the clipping."""
    if norm > max_norm:  # rare; without the test, every gradient would be multiplied by 1
        nn.utils.clip_grads_with_norm_(model.parameters(), max_norm, norm)
    if norm.isfinite():
        optimizer.step()


def _step_unseen(
    model: nn.Module, optimizer: torch.optim.Adam, norm: Float[Tensor, ""], max_norm: float
) -> None:
    """Let the device decide whether it takes the step, because to look would be a sync point.

    torch's fused Adam leaves everything as it was if `found_inf` is 1; it is how `GradScaler` skips
    a step.
    """
    nn.utils.clip_grads_with_norm_(model.parameters(), max_norm, norm)
    optimizer.found_inf = 1 - norm.isfinite().to(norm.dtype)  # type: ignore[attr-defined]  # as said
    optimizer.step()
