import ctypes
import subprocess
import sys

import pytest

MIB = 2**20
PROGRAM = """
import ctypes, sys
from service.memory import give_back_large_blocks

class Info(ctypes.Structure):  # man 3 mallinfo2
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

libc = ctypes.CDLL(None)
libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
libc.free.argtypes, libc.mallinfo2.restype = [ctypes.c_void_p], Info
if sys.argv[1] == "given back":
    give_back_large_blocks()
libc.free(libc.malloc(30 << 20))
before = libc.mallinfo2().hblkhd
libc.malloc(8 << 20)
print(libc.mallinfo2().hblkhd - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="not glibc 2.33 or later")
@pytest.mark.parametrize(("way", "taken_alone"), [("given back", True), ("as it is", False)])
def test_a_large_block_is_taken_alone_even_after_a_larger_one_was_freed(way, taken_alone):
    command = [sys.executable, "-c", PROGRAM, way]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (int(done.stdout) >= 8 * MIB) == taken_alone
