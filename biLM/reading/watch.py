"""Notice that the weights of a network have changed since a copy of them was made.

torch counts the changes of a tensor: `optimizer.step`, `load_state_dict` and every other operation
in place raise `_version`. Moving or replacing a tensor changes the object or its memory. A change
through `.data` or by another process raises no count, so some values of each tensor are compared as
well. Such a change of very few values, in place, may therefore go unnoticed.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

# This many values of each tensor are compared; numpy does that without releasing the interpreter.
SAMPLED = 64
# Values of other types have no numpy array, and those of another device would have to be copied.
COMPARED = (torch.float32, torch.float64)


class Watch:
    """The weights of a network as they are when the watch begins.

    Args:
        network: The network. Its modules stay the same; their parameters may be replaced.
    """

    def __init__(self, network: nn.Module) -> None:
        self._places = [
            (module, name)
            for module in network.modules()
            for name, _ in module.named_parameters(recurse=False)
        ]
        self._seen = [_Seen(getattr(module, name)) for module, name in self._places]

    def has_changed(self) -> bool:
        """Return whether a weight is no longer what it was when the watch began."""
        now = (getattr(module, name) for module, name in self._places)
        return not all(seen.is_still(weight) for seen, weight in zip(self._seen, now, strict=True))


class _Seen:
    """One weight as it was."""

    def __init__(self, weight: Tensor) -> None:
        self._weight = weight
        # An alias keeps the memory in use, so that no other tensor can get the same address.
        self._alias = weight.detach()
        self._address = weight.data_ptr()
        self._version = _version(weight)
        self._sample = _sampled(self._alias)
        self._values = self._sample.tobytes()

    def is_still(self, weight: Tensor) -> bool:
        return (
            weight is self._weight
            and weight.data_ptr() == self._address
            and _version(weight) == self._version
            and self._sample.tobytes() == self._values
        )


def _version(weight: Tensor) -> int:
    """Return torch's count of changes; a tensor of inference mode has none."""
    return 0 if weight.is_inference() else weight._version


def _sampled(weight: Tensor) -> npt.NDArray[Any]:
    """Return some values of a weight, as a view of its memory."""
    if weight.device.type != "cpu" or weight.dtype not in COMPARED or not weight.is_contiguous():
        return np.empty(0)
    values: npt.NDArray[Any] = weight.view(-1).numpy()
    # An odd step does not stay in one column of a matrix.
    return values[:: len(values) // SAMPLED | 1]
