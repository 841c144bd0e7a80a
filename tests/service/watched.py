"""What the system knows of a running server: memory, descriptors, and what it has not sent."""

import os
import time
from pathlib import Path

from tests.live import PATIENCE_S

MIB = 2**20


class Watched:
    """A running process that listens on a port."""

    def __init__(self, pid, port):
        self.pid = pid
        self.port = port

    def resident_mib(self):
        """Resident memory in MiB."""
        lines = Path(f"/proc/{self.pid}/status").read_text("ascii").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))

    def num_files(self):
        """Number of open descriptors."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def unsent_bytes(self):
        """Bytes in the system's send queues of all connections to the port."""
        rows = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
        ours = [row for row in rows if int(row[1].partition(":")[2], 16) == self.port]
        return sum(int(row[4].partition(":")[0], 16) for row in ours)


def wait_until(condition, what):
    """Wait until a condition holds; fail with `what` where it never does."""
    ends = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < ends, f"never: {what}"
        time.sleep(0.05)
