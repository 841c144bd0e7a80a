"""How much memory a readout takes beside the representations of a long text."""

import subprocess
import sys
from pathlib import Path

import pytest

CLEAR = Path("/proc/self/clear_refs")
PROGRAM = """
import sys
from pathlib import Path
import torch
from biLM.network.geometry import Geometry
from biLM.network.scalar_mix import ScalarMix
from biLM.questions.readout import Readout, read_out

def mib(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024

torch.set_num_threads(1)
PIECES, DIM = 8192, 1024
source = ScalarMix((0.2, 0.3, 0.5)) if sys.argv[1] == "mix" else (0, 1, 2)
geometry = Geometry(torch.zeros(4, DIM), torch.ones(4))
readout = Readout(source, "max", center=True)
with torch.inference_mode():
    read_out(torch.zeros(3, 8, DIM), [(0, 8)], geometry, readout)  # what torch sets up once
    framed = torch.ones(3, PIECES, DIM)
    Path("/proc/self/clear_refs").write_text("5")  # man 5 proc: the peak begins anew
    before = mib("VmRSS")
    read_out(framed, [(0, PIECES)] * 3, geometry, readout)
print(mib("VmHWM") - before)
"""
# 8,192 vectors of 1,024 numbers, once for each representation.
REPRESENTATIONS_MIB = 3 * 32


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.skipif(not CLEAR.exists(), reason="no /proc of Linux")
@pytest.mark.parametrize("source", ["mix", "layers"])
def test_centring_takes_one_copy_of_the_representations_at_most(source):
    command = [sys.executable, "-c", PROGRAM, source]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    # Pooling takes 1,024 pieces at a time: 12 MiB, and up to 60 with the numbers of their rows.
    assert float(done.stdout) < 1.8 * REPRESENTATIONS_MIB
