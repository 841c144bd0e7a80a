"""List the shapes that agree on this processor; with SSE 4.1, a single row does not.

With SSE 4.1, oneDNN adds in another order for one row than for several. The service does not need
to know this, because it proves each shape before it uses it.
"""

import os

import pytest
import torch

from biLM.reading.batch import HEIGHTS, SHAPES

HAS_AVX2 = torch.cpu._is_avx2_supported() and os.environ.get("ONEDNN_MAX_CPU_ISA") != "SSE41"
needs_avx2 = pytest.mark.skipif(not HAS_AVX2, reason="SSE 4.1 computes this otherwise")

AGREEING_HEIGHTS = tuple(height for height in HEIGHTS if height > 1 or HAS_AVX2)
AGREEING_SHAPES = tuple(shape for shape in SHAPES if shape[0] in AGREEING_HEIGHTS)
