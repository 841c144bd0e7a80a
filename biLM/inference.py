"""Compute without gradients and without the caller's autocast."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from typing import ParamSpec, TypeVar

import torch

# The kinds of devices whose autocast a caller may have switched on.
DEVICES = ("cpu", "cuda")
Given = ParamSpec("Given")
Found = TypeVar("Found")


def as_inference(function: Callable[Given, Found]) -> Callable[Given, Found]:
    """Return a function that does its work in torch's inference mode, and not under autocast.

    Under autocast, torch would round what it multiplies, and oneDNN's copies of the weights could
    not be read at all.
    """

    @wraps(function)
    def wrapped(*args: Given.args, **kwargs: Given.kwargs) -> Found:
        # torch.autocast as a decorator would share one state between threads.
        with torch.inference_mode(), ExitStack() as exact:
            for kind in DEVICES:
                if torch.is_autocast_enabled(kind):
                    exact.enter_context(torch.autocast(kind, enabled=False))
            return function(*args, **kwargs)

    return wrapped
