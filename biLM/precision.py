"""In which numbers the LSTMs multiply when they read texts.

A processor with bfloat16 units (AMX, AVX512-BF16) reads about three times as much as in float32,
and a vector then differs from float32's in its third digit: decision 23 has what that is worth.
Weights, residuals, mixes and everything behind the LSTMs are float32 in either.
"""

from typing import Literal

import torch

from biLM.errors import PrecisionError

Precision = Literal["float32", "bfloat16"]
UNITS = ("amx_bf16", "avx512_bf16")  # by the names of torch.cpu.get_capabilities


def fastest_precision() -> Precision:
    """The bfloat16 of a processor that has units for it, else float32."""
    there_are = torch.cpu.get_capabilities()
    return "bfloat16" if any(there_are.get(unit) for unit in UNITS) else "float32"


def chosen_precision(wanted: Precision | Literal["auto"]) -> Precision:
    """What to read in.

    Raises:
        PrecisionError: the processor has no units for bfloat16, and would be slower for it.
    """
    fastest = fastest_precision()
    if wanted == "bfloat16" != fastest:
        raise PrecisionError(
            f"this processor has none of the units for bfloat16 ({' or '.join(UNITS)}); choose"
            " auto or float32"
        )
    return fastest if wanted == "auto" else wanted
