"""The CPUs this process may use: what its cgroups grant, not what the machine has.

cgroup v2 states a quota in the file `cpu.max`: "<quota> <period>" in microseconds, or "max
<period>" for no quota. v1 has the files `cpu.cfs_quota_us`, where -1 means no quota, and
`cpu.cfs_period_us`. A quota also applies to every group below it, so the strictest quota on the way
to the root decides. `man 7 cgroups` describes the format of /proc/self/cgroup.
"""

import os
from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
# Each line has the form "<number>:<controllers>:<path>".
MEMBERSHIP = Path("/proc/self/cgroup")


def granted_cpus(cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int:
    """Return how many whole CPUs the affinity mask and the strictest quota allow, at least 1.

    A quota of "150000 100000" gives 1: a second thread would be throttled half of the time.
    """
    allowed = len(os.sched_getaffinity(0))
    quotas = [quota for folder in _groups(cgroups, membership) for quota in _quotas(folder)]
    return max(1, min(allowed, *quotas)) if quotas else allowed


def _groups(cgroups: Path, membership: Path) -> Iterator[Path]:
    """Yield the folders of this process's groups and of all groups above them, roots included."""
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
    """Return the text of a file, or an empty string if it cannot be read."""
    try:
        return path.read_text()
    except OSError:
        return ""
