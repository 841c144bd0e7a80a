"""The precisions that this machine can read in; a test of the other one is skipped and says so."""

import pytest

from biLM.precision import fastest_precision

needs_bfloat16 = pytest.mark.skipif(
    fastest_precision() != "bfloat16", reason="this processor has no units for bfloat16"
)
PRECISIONS = ["float32", pytest.param("bfloat16", marks=needs_bfloat16)]
