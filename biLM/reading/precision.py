"""In which numbers the LSTMs multiply when they read texts.

An x86 processor with bfloat16 units (AMX, AVX512-BF16) reads about 2.5 times as much as in float32
(measured with AMX), and a vector then differs from float32's by about one percent: decision 23 has
what that is worth. What a cell remembers, what leaves the layers, mixes, heads and geometry are
float32 in either.
"""

import logging
from functools import cache
from typing import Literal

import torch

from biLM.errors import PrecisionError
from biLM.reading.onednn import has_kernel, multiplies_bfloat16

Precision = Literal["float32", "bfloat16"]
PrecisionChoice = Precision | Literal["auto"]  # auto: the fastest of this machine
UNITS = ("amx_bf16", "avx512_bf16")  # by the names of torch.cpu.get_capabilities

logger = logging.getLogger(__name__)


def fastest_precision() -> Precision:
    """The bfloat16 of a processor with units for it and a torch that uses them, else float32."""
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
        "torch %s does not say what this processor can do (torch.cpu.get_capabilities is missing);"
        " texts are read in float32, which is slower where there are units for bfloat16",
        torch.__version__,
    )


def chosen_precision(wanted: PrecisionChoice) -> Precision:
    """What to read in.

    Raises:
        PrecisionError: the processor has no units for bfloat16, and would be slower for it.
    """
    fastest = fastest_precision()
    if wanted == "bfloat16" != fastest:
        raise PrecisionError(
            "this processor has none of the units for bfloat16 that can be used"
            f" ({' or '.join(UNITS)}); choose auto or float32"
        )
    return fastest if wanted == "auto" else wanted
