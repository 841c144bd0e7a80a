"""Choose the precision in which the LSTMs multiply when they read texts.

In bfloat16, an x86 processor with units for it (AMX, AVX512-BF16) reads about 2.5 times as fast as
in float32 (measured with AMX). The vectors then differ from those in float32 by about one percent;
decision 23 shows what difference that makes. The memory of the cells, the outputs of the layers,
the mixes, the heads and the geometry are float32 in both.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import RLock
from typing import Any, Literal

import torch

from biLM.errors import PrecisionError
from biLM.reading.onednn import has_kernel, multiplies_bfloat16

Precision = Literal["float32", "bfloat16"]
# "auto" chooses the fastest precision of this machine.
PrecisionChoice = Precision | Literal["auto"]
CPU = torch.device("cpu")
# These are names that torch.cpu.get_capabilities uses.
UNITS = ("amx_bf16", "avx512_bf16")

# Two threads that changed the setting at the same time could leave it changed.
_setting = RLock()

logger = logging.getLogger(__name__)


def fastest_precision() -> Precision:
    """Return bfloat16 if the processor has units for it and torch can use them, else float32."""
    can = _has_units() and has_kernel() and multiplies_bfloat16()
    return "bfloat16" if can else "float32"


def _has_units() -> bool:
    if not hasattr(torch.cpu, "get_capabilities"):
        _tell_that_nothing_is_known()
        return False
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(unit) for unit in UNITS)


@cache  # once a process
def _tell_that_nothing_is_known() -> None:
    logger.warning(
        "torch %s does not report what this processor can do (torch.cpu.get_capabilities is"
        " missing); texts are read in float32, which is slower if it has units for bfloat16",
        torch.__version__,
    )


def chosen_precision(wanted: PrecisionChoice, device: torch.device = CPU) -> Precision:
    """Return the precision in which to read.

    Raises:
        PrecisionError: the processor has no units for bfloat16, so bfloat16 would be slower, or the
            device is not a CPU, where texts are read in float32 only.
    """
    if device.type != "cpu":
        if wanted == "bfloat16":
            raise PrecisionError(
                f"the precision is bfloat16, but on the device {device} texts are read in float32;"
                " choose auto or float32"
            )
        return "float32"
    fastest = fastest_precision()
    if wanted == "bfloat16" != fastest:
        raise PrecisionError(
            "the precision is bfloat16, but this processor has no units for it that torch can use"
            f" ({' or '.join(UNITS)}); choose auto or float32"
        )
    return fastest if wanted == "auto" else wanted


@contextmanager
def without_tf32(device: torch.device) -> Iterator[None]:
    """Let cuDNN's LSTMs multiply in float32 until the block ends.

    By torch's default they round what they multiply to TF32, whose ten bits move a vector by about
    a thousandth of its length. The setting is one of the process, so a backward pass must not be
    under another one than its forward pass.
    """
    if device.type != "cuda":
        yield
        return
    rnn: Any = torch.backends.cudnn.rnn  # torch's stubs lack the attribute
    with _setting:
        before = rnn.fp32_precision
        rnn.fp32_precision = "ieee"
        try:
            yield
        finally:
            rnn.fp32_precision = before
