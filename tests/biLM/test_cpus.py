import pytest

from biLM.cpus import granted_cpus


@pytest.fixture(autouse=True)
def four_allowed(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1, 2, 3})


def cpus_where(tmp_path, membership, files):
    """Return what is granted if cgroups have these files, by path below their root."""
    for name, content in files.items():
        path = tmp_path / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (tmp_path / "self").write_text(membership)
    return granted_cpus(tmp_path / "cgroup", tmp_path / "self")


@pytest.mark.parametrize(
    ("cpu_max", "cpus"),
    [
        ("max 100000", 4),
        ("200000 100000", 2),
        ("150000 100000", 1),
        ("50000 100000", 1),
        ("900000 100000", 4),
        ("nonsense", 4),
        ("", 4),
    ],
)
def test_threads_are_the_whole_cpus_the_cgroup_grants(tmp_path, cpu_max, cpus):
    assert cpus_where(tmp_path, "0::/\n", {"cpu.max": cpu_max}) == cpus


def test_without_a_cgroup_it_is_those_of_the_affinity_mask(tmp_path):
    assert granted_cpus(tmp_path / "none", tmp_path / "none") == 4


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({"a.slice/b.service/cpu.max": "200000 100000"}, 2),
        ({"a.slice/b.service/cpu.max": "max 100000", "a.slice/cpu.max": "300000 100000"}, 3),
        ({"a.slice/b.service/cpu.max": "300000 100000", "cpu.max": "200000 100000"}, 2),
        ({"other.slice/cpu.max": "100000 100000"}, 4),
    ],
)
def test_the_strictest_group_on_the_way_to_the_root_decides(tmp_path, files, cpus):
    assert cpus_where(tmp_path, "0::/a.slice/b.service\n", files) == cpus


def test_a_quota_of_the_first_version_of_cgroups_counts_too(tmp_path):
    membership = "5:memory:/docker/f00\n4:cpu,cpuacct:/docker/f00\n1:name=systemd:/docker/f00\n"
    files = {"cpu/docker/f00/cpu.cfs_quota_us": "250000\n", "cpu/cpu.cfs_quota_us": "-1\n"}
    files |= {name.replace("quota", "period"): "100000\n" for name in files}
    files |= {"memory/docker/f00/cpu.max": "100000 100000"}
    assert cpus_where(tmp_path, membership, files) == 2
