import pytest

from biLM.cpus import granted_cpus


@pytest.mark.parametrize(
    ("cpu_max", "cpus"),
    [
        ("max 100000", 4),
        ("200000 100000", 2),
        ("150000 100000", 1),
        ("50000 100000", 1),
        ("900000 100000", 4),
        ("nonsense", 4),
        (None, 4),
    ],
)
def test_threads_are_the_whole_cpus_the_cgroup_grants(tmp_path, monkeypatch, cpu_max, cpus):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1, 2, 3})
    file = tmp_path / "cpu.max"
    if cpu_max is not None:
        file.write_text(cpu_max)
    assert granted_cpus(file) == cpus
