"""Compare the vectors of this machine with the golden vectors of the artifact."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from biLM.artifact import Golden
from biLM.errors import SelfTestError
from biLM.reading.precision import Precision

# In float32, another CPU may add in another order; bfloat16 rounds more. A wrong layer is off by
# 1e-1.
GOLDEN_TOLERANCES: Mapping[Precision, float] = MappingProxyType({"float32": 1e-4, "bfloat16": 3e-2})


def checked_deviation(
    golden: Golden, ids: tuple[int, ...], vectors: npt.NDArray[np.float32], precision: Precision
) -> float:
    """Return the largest deviation of a text's vectors from its golden vectors.

    Args:
        golden: The text, with the pieces and vectors that it should have.
        ids: Its piece ids as the tokenizer found them.
        vectors: Its vectors by layer, `[layers, pieces, dim]`.
        precision: The precision in which they were computed.

    Raises:
        SelfTestError: the pieces differ, or a vector by more than the rounding of the precision.
    """
    if ids != golden.ids:
        raise SelfTestError(f"a golden text gives pieces {ids}, not {golden.ids}")
    deviation = float(np.abs(vectors.mean(axis=1) - golden.vectors).max())
    tolerance = GOLDEN_TOLERANCES[precision]
    if not deviation <= tolerance:
        raise SelfTestError(
            f"a golden vector is off by {deviation:.1e}; at most {tolerance:.0e} is rounding in"
            f" {precision}; the arithmetic of this machine or of torch is not the expected"
            " one, or the model needs float32: BILM_PRECISION=float32"
        )
    return deviation
