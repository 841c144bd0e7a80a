"""The CPUs this process may use: what the cgroup grants, not what the machine has."""

import os
from pathlib import Path

CPU_MAX = Path("/sys/fs/cgroup/cpu.max")  # cgroup v2: "<quota> <period>" in microseconds, or "max"


def granted_cpus(cpu_max: Path = CPU_MAX) -> int:
    """Whole CPUs of the cgroup's quota and of the affinity mask, whichever are fewer; at least 1.

    "150000 100000" -> 1: a second thread would be throttled half of the time.
    """
    allowed = len(os.sched_getaffinity(0))
    try:
        quota, period = cpu_max.read_text().split()
    except (OSError, ValueError):
        return allowed
    if quota == "max":
        return allowed
    return max(1, min(allowed, int(quota) // int(period)))
