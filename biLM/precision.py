"""In which numbers the LSTMs multiply when they read texts.

An x86 processor with bfloat16 units (AMX, AVX512-BF16) reads about 2.5 times as much as in float32
(measured with AMX), and a vector then differs from float32's by about one percent: decision 23 has
what that is worth. What a cell remembers, what leaves the layers, mixes, heads and geometry are
float32 in either.
"""

from typing import Literal

import torch

from biLM.errors import PrecisionError

Precision = Literal["float32", "bfloat16"]
PrecisionChoice = Precision | Literal["auto"]  # auto: the fastest of this machine
UNITS = ("amx_bf16", "avx512_bf16")  # by the names of torch.cpu.get_capabilities


def fastest_precision() -> Precision:
    """The bfloat16 of a processor with units for it and a torch that uses them, else float32."""
    has_onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    capabilities = torch.cpu.get_capabilities()
    has_units = any(capabilities.get(unit) for unit in UNITS)
    return "bfloat16" if has_onednn and has_units else "float32"


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
