"""The precisions to test; bfloat16 is skipped with a reason on a machine without units for it."""

import pytest

from biLM.reading.precision import fastest_precision

needs_bfloat16 = pytest.mark.skipif(
    fastest_precision() != "bfloat16", reason="this processor has no units for bfloat16"
)
BFLOAT16 = pytest.param("bfloat16", marks=needs_bfloat16)
PRECISIONS = ["float32", BFLOAT16]
