import os
import subprocess
import sys

import pytest
import torch

from biLM.errors import PrecisionError
from biLM.reading.precision import chosen_precision, fastest_precision


@pytest.fixture(autouse=True)
def onednn(monkeypatch):
    """oneDNN, and a kernel that runs in bfloat16, whatever this processor has."""
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    monkeypatch.setattr("biLM.reading.precision.multiplies_bfloat16", lambda: True)


@pytest.fixture(params=[{}, {"amx_bf16": False}, {"amx_bf16": True}, {"avx512_bf16": True}])
def has_units(request, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: request.param, raising=False)
    return any(request.param.values())


def test_bfloat16_is_the_fastest_where_there_are_units_for_it(has_units):
    assert fastest_precision() == ("bfloat16" if has_units else "float32")
    assert chosen_precision("auto") == fastest_precision()


def test_units_are_of_no_use_without_onednn(has_units, monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert fastest_precision() == "float32"


@pytest.mark.long
def test_units_are_of_no_use_where_onednn_is_told_to_leave_them_alone():
    told = "import torch; torch.cpu.get_capabilities = lambda: {'amx_bf16': True}; "
    program = f"{told}from biLM.reading.precision import fastest_precision as f; print(f())"
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True)
    assert done.stdout == b"float32\n"


def test_float32_is_everywhere(has_units):
    assert chosen_precision("float32") == "float32"


def test_bfloat16_without_units_is_refused(has_units):
    if has_units:
        assert chosen_precision("bfloat16") == "bfloat16"
    else:
        with pytest.raises(PrecisionError, match="choose auto or float32"):
            chosen_precision("bfloat16")
