"""Play a second device on the CPU, so that a tensor in the wrong place is found without a GPU.

A tensor on `away` keeps an ordinary tensor and is not one itself. An operation over such tensors is
computed by the CPU with the tensors they keep, so it has real values and real gradients. As on a
GPU, an operation over tensors of both places is refused, unless the other is a single number, and
numpy cannot look into one.

torch lets a process register one more device before its first gradient; see `register`.
"""

from functools import cache, partial

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

NAME = "away"
aten = torch.ops.aten
# These move values from one place to the other.
MAY_MIX = (aten.copy_.default, aten._copy_from.default)


class Away(Tensor):
    """A tensor on the played device."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, kept):
        """Wrap an ordinary tensor."""
        return Tensor._make_wrapper_subclass(
            cls,
            kept.shape,
            strides=kept.stride(),
            storage_offset=kept.storage_offset(),
            dtype=kept.dtype,
            layout=kept.layout,
            device=torch.device(NAME, 0),
        )

    def __init__(self, kept):
        self.kept = kept

    def __repr__(self):
        return f"{NAME}: {self.kept!r}"

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        """Compute an operation that has one of these among its arguments."""
        return computed(operation, *args, **(kwargs or {}))


def computed(operation, *args, **kwargs):
    """Return the result of an operation, computed by the CPU, in the place where it belongs."""
    given = [one for one in (*_flat(args), *kwargs.values()) if isinstance(one, Tensor)]
    away = [one for one in given if isinstance(one, Away)]
    here = [one for one in given if not isinstance(one, Away) and one.dim()]
    if away and here and operation not in MAY_MIX:
        raise RuntimeError(
            f"{operation}: expected all tensors to be on the same device, but there are {NAME} and"
            f" {here[0].device}"
        )
    if away and _waits(operation, kwargs):
        waits.append(str(operation))
    stays = bool(away)
    if kwargs.get("device") is not None:
        stays = kwargs["device"].type == NAME
        kwargs["device"] = torch.device("cpu")
    kwargs.pop("pin_memory", None)
    kept_args = [_kept(one) for one in args]
    kept_kwargs = {name: _kept(one) for name, one in kwargs.items()}
    found = WRITTEN_OUT.get(operation, operation)(*kept_args, **kept_kwargs)
    if not stays:
        return found
    if torch.Tag.inplace_view in operation.tags:  # the shape of the argument itself changes
        with torch._C._DisableTorchDispatch():
            operation(*args, **kwargs)
    assert all(one.shape == one.kept.shape for one in away), f"{operation} resizes: play it as well"
    known = {id(one.kept): one for one in away}  # an operation in place returns its argument
    return _placed(found, known)


def _flat(args):
    for one in args:
        if isinstance(one, list | tuple):
            yield from _flat(one)
        else:
            yield one


def _kept(value):
    if isinstance(value, list | tuple):
        return type(value)(map(_kept, value))
    return value.kept if isinstance(value, Away) else value


def _placed(value, known):
    if isinstance(value, list | tuple):
        return type(value)(_placed(one, known) for one in value)
    if not isinstance(value, Tensor):
        return value
    return known[id(value)] if id(value) in known else Away(value)


# The operations so far that would have waited for the device.
waits = []
# What these return is a Python value, or a tensor whose size depends on values.
LOOK_AT_VALUES = {
    aten._local_scalar_dense.default,
    aten.equal.default,
    aten.masked_select.default,
    aten.nonzero.default,
}


def _waits(operation, kwargs):
    """Return whether a GPU would have to finish its work before this process goes on."""
    if operation is aten._to_copy.default and kwargs.get("device") is not None:
        return not kwargs.get("non_blocking")
    return operation in LOOK_AT_VALUES


def lstm_cell(from_input, from_state, c, input_bias=None, state_bias=None):
    """Compute what a GPU computes in one kernel: h and c of a step, and the four gates."""
    seen = from_input + from_state
    if input_bias is not None:
        seen = seen + input_bias + state_bias
    i, f, g, o = seen.chunk(4, dim=1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    new = f * c + i * g
    return o * new.tanh(), new, torch.cat([i, f, g, o], dim=1)


def lstm_cell_gradient(grad_h, grad_c, c, new, gates, has_bias):
    """Compute the gradient of `lstm_cell`: of the sums before the gates, of c and of a bias."""
    i, f, g, o = gates.chunk(4, dim=1)
    grad_h = torch.zeros_like(c) if grad_h is None else grad_h
    grad_c = torch.zeros_like(c) if grad_c is None else grad_c
    squashed = new.tanh()
    grad_c = grad_c + grad_h * o * (1 - squashed**2)
    found = [
        grad_c * g * i * (1 - i),
        grad_c * c * f * (1 - f),
        grad_c * i * (1 - g**2),
        grad_h * squashed * o * (1 - o),
    ]
    of_sums = torch.cat(found, dim=1)
    return of_sums, grad_c * f, of_sums.sum(0) if has_bias else None


def gru_cell(from_input, from_state, h, input_bias=None, state_bias=None):
    """Compute h of a step of a GRU as a GPU does; the other result is for the gradient alone."""
    r, z, n = (from_input + input_bias).chunk(3, dim=1)
    of_r, of_z, of_n = (from_state + state_bias).chunk(3, dim=1)
    r, z = (r + of_r).sigmoid(), (z + of_z).sigmoid()
    n = (n + r * of_n).tanh()
    return n + z * (h - n), torch.cat([r, z, n, h, of_n], dim=1)


def gru_cell_gradient(grad_h, gates, has_bias):
    """Compute the gradient of `gru_cell`: of both sums, of h and of both biases."""
    r, z, n, h, of_n = gates.chunk(5, dim=1)
    grad_n = grad_h * (1 - z) * (1 - n**2)
    grad_z = grad_h * (h - n) * z * (1 - z)
    grad_r = grad_n * of_n * r * (1 - r)
    of_input = torch.cat([grad_r, grad_z, grad_n], dim=1)
    of_state = torch.cat([grad_r, grad_z, grad_n * r], dim=1)
    biases = (of_input.sum(0), of_state.sum(0)) if has_bias else (None, None)
    return of_input, of_state, grad_h * z, *biases


# The CPU has no kernel for these, which torch calls on any other device.
WRITTEN_OUT = {
    aten._thnn_fused_lstm_cell.default: lstm_cell,
    aten._thnn_fused_lstm_cell_backward_impl.default: lstm_cell_gradient,
    aten._thnn_fused_gru_cell.default: gru_cell,
    aten._thnn_fused_gru_cell_backward.default: gru_cell_gradient,
}


def _moved(index, device):
    """Return an index with its lists as tensors of a device."""
    if isinstance(index, tuple):
        return tuple(_moved(one, device) for one in index)
    return torch.tensor(index).to(device) if isinstance(index, list) else index


class Factories(TorchFunctionMode):
    """Let lists become tensors of the device and back, which torch does for its own devices."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        """Move the values on the way."""
        kwargs = dict(kwargs or {})
        if function is torch.tensor and torch.device(kwargs.get("device") or "cpu").type == NAME:
            device = kwargs.pop("device")
            return torch.tensor(*args, **kwargs).to(device)
        if function is Tensor.__getitem__:
            given, index = args
            args = given, _moved(index, given.device)
        if function is Tensor.tolist and isinstance(args[0], Away):
            return args[0].cpu().tolist()
        return function(*args, **kwargs)


class _Module:
    """What torch requires of a module `torch.away`."""

    is_available = is_initialized = staticmethod(lambda: True)
    device_count = staticmethod(lambda: 1)
    current_device = staticmethod(lambda: 0)
    _is_in_bad_fork = staticmethod(lambda: False)
    manual_seed_all = staticmethod(lambda seed: None)
    get_amp_supported_dtype = staticmethod(lambda: [torch.bfloat16])


@cache  # once a process
def register():
    """Register the device with torch; it must come before the first gradient of the process.

    Raises:
        ImportError: this version of torch cannot have a device that is written in Python.
    """
    from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

    _setup_privateuseone_for_python_backend(NAME, _Module)
    # In place, a conversion would leave the tensor that is kept as it was.
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    library = torch.library.Library("_", "IMPL")
    library.fallback(computed, "PrivateUse1")
    ranges = torch.library.Library("aten", "IMPL")
    # torch makes these ranges by resizing an empty tensor, which is not played.
    for name in ("arange", "arange.start", "arange.start_step"):
        overload = getattr(aten.arange, name.partition(".")[2] or "default")
        ranges.impl(name, partial(computed, overload), "PrivateUse1")
    return library, ranges  # the device ends with them
