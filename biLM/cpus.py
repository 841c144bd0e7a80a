"""The CPUs this process may use: what its cgroups grant, not what the machine has.

A quota is the file `cpu.max` of cgroup v2, "<quota> <period>" in microseconds or "max <period>", or
`cpu.cfs_quota_us` and `cpu.cfs_period_us` of v1, where -1 is none. It counts for every group below,
so the strictest on the way to the root decides. man 7 cgroups has the form of /proc/self/cgroup.
"""

import os
from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")  # lines "<number>:<controllers>:<path>"


def granted_cpus(cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int:
    """Whole CPUs of the strictest quota and of the affinity mask, whichever are fewer; at least 1.

    "150000 100000" -> 1: a second thread would be throttled half of the time.
    """
    allowed = len(os.sched_getaffinity(0))
    quotas = [quota for folder in _groups(cgroups, membership) for quota in _quotas(folder)]
    return max(1, min(allowed, *quotas)) if quotas else allowed


def _groups(cgroups: Path, membership: Path) -> Iterator[Path]:
    """The folders of this process's groups and of all above them, the roots included."""
    for line in _written(membership).splitlines() or ["0::/"]:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = cgroups / "cpu" if controllers else cgroups
        group = Path(path.lstrip("/"))
        yield from (root / above for above in (group, *group.parents))


def _quotas(folder: Path) -> Iterator[int]:
    v2 = _written(folder / "cpu.max")
    v1 = f"{_written(folder / 'cpu.cfs_quota_us')} {_written(folder / 'cpu.cfs_period_us')}"
    for found in (v2, v1):
        match found.split():
            case [quota, period] if quota.isdecimal() and period.isdecimal() and int(period):
                yield int(quota) // int(period)


def _written(path: Path) -> str:
    """What a file holds; nothing where there is none."""
    try:
        return path.read_text()
    except OSError:
        return ""
