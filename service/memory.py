"""How this process takes memory from the machine and gives it back.

glibc learns from the blocks it sees: once an answer of 30 MB was freed, all up to that size come
from pools between which gaps stay, and under requests of all sizes the gaps grow for hours.
docs/decisions/0040 has the course.
"""

import ctypes

MIB = 2**20
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # by the numbers of malloc.h
LARGE_BYTES = 4 * MIB  # a block so large is taken alone, and given back once it is free
KEPT_BYTES = 256 * MIB  # of free memory at the end of a pool: to take it anew costs time


def give_back_large_blocks() -> None:
    """Have glibc keep these two numbers; other systems have allocators of their own."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # man 3 mallopt
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(TRIM_THRESHOLD, KEPT_BYTES)
