"""Run the tests of tests/device on the device that the CPU plays.

torch takes up a further device only before the first gradient of a process, so they have a process
of their own.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.long
def test_what_a_device_computes_is_what_the_cpu_computes():
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    options = ["-q", "-rs", "-m", "device", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "tests/device"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if "has no device away here" in done.stdout:
        pytest.skip("this version of torch takes no device that is written in Python")
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert " passed" in done.stdout
