"""Make glibc return large blocks of memory to the machine.

By itself, glibc adapts to the blocks that it frees. Once a response of 30 MB has been freed, all
blocks up to that size come from pools, in which gaps remain between the blocks; under requests of
all sizes these gaps grow for hours. docs/decisions/0040 has the measurements.
"""

import ctypes

MIB = 2**20
# These are the numbers of the two parameters in malloc.h.
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
# A block of this size or more is taken from the machine by itself, and returned when it is freed.
LARGE_BYTES = 4 * MIB
# Up to this much free memory stays at the end of a pool, because taking it again costs time.
KEPT_BYTES = 256 * MIB


def give_back_large_blocks() -> None:
    """Fix glibc's two thresholds; on systems with another allocator, do nothing."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # man 3 mallopt
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(TRIM_THRESHOLD, KEPT_BYTES)
