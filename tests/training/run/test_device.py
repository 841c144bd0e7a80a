import contextlib

import pytest
import torch

from training.run.device import autocast


def test_a_gpu_that_only_emulates_bfloat16_computes_in_float32(monkeypatch):
    """Torch says that such a card supports it, unless emulation is excluded."""
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation
    )
    assert isinstance(autocast(torch.device("cuda")), contextlib.nullcontext)


@pytest.mark.filterwarnings("ignore:CUDA is not available:UserWarning")
def test_a_gpu_with_units_for_bfloat16_uses_them(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)
    found = autocast(torch.device("cuda", 0))
    assert (found.device, found.fast_dtype) == ("cuda", torch.bfloat16)


def test_a_device_that_is_neither_takes_nothing_from_the_cpu(monkeypatch):
    monkeypatch.setattr("training.run.device.fastest_precision", lambda: "bfloat16")
    assert isinstance(autocast(torch.device("meta")), contextlib.nullcontext)
    assert isinstance(autocast(torch.device("cpu")), torch.autocast)
