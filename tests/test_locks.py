"""Test that the locks fit pyproject.toml, and that one that does not is reported by name."""

import shutil
from pathlib import Path

import pytest

from locks.renew import COMES_WITH_TORCH, complaints, requirements_of_locks

ROOT = Path(__file__).parent.parent
NAMES = sorted(requirements_of_locks())


@pytest.fixture
def project(tmp_path):
    """Return a copy of the files that list what is required and what is installed."""
    shutil.copytree(ROOT / "locks", tmp_path / "locks")
    (tmp_path / "client").mkdir()
    for name in ("pyproject.toml", "client/pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def change(file, before, after):
    """Put one text for another in a file that has it."""
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(text.replace(before, after), "utf-8")


def test_the_locks_of_the_repository_fit():
    assert list(complaints()) == []


def test_a_requirement_that_changed_is_named_with_what_the_lock_holds(project):
    change(project / "pyproject.toml", '"orjson>=3.13,<4"', '"orjson>=99"')
    found = list(complaints(project))
    for name in ("service", "bulk", "dev"):
        assert any(
            one.startswith(f"locks/{name}.txt holds 3.13") and "orjson>=99" in one for one in found
        )


def test_a_new_requirement_is_missed(project):
    change(project / "pyproject.toml", 'bulk = ["h5py', 'bulk = ["zarr", "h5py')
    assert any("locks/bulk.txt holds nothing where zarr" in one for one in complaints(project))


def test_a_requirement_that_was_dropped_is_noticed(project):
    change(project / "pyproject.toml", '"prometheus-client>=0.26,<1",', "")
    assert any("locks/service.txt was written for other" in one for one in complaints(project))


def test_a_requirement_of_the_client_counts(project):
    change(project / "client" / "pyproject.toml", "httpx>=0.28,<1", "httpx>=5")
    assert any("locks/classifier.txt holds 0.28" in one for one in complaints(project))


def test_a_version_that_one_python_lacks_is_noticed(project):
    change(project / "locks" / "bulk.txt", "numpy==2.5", "numpi==2.5")
    (found,) = [one for one in complaints(project) if "locks/bulk.txt" in one]
    assert "holds nothing where numpy" in found
    assert "Python 3.12" in found


def test_a_lock_that_is_not_there_is_missed(project):
    (project / "locks" / "training.txt").unlink()
    assert list(complaints(project)) == ["locks/training.txt is missing"]


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_has_a_hash_for_all_and_names_no_index(name):
    text = (ROOT / "locks" / f"{name}.txt").read_text("utf-8")
    assert "://" not in text
    entries = [line for line in text.splitlines() if line[:1] not in (" ", "#", "")]
    assert entries
    assert all(line.endswith("\\") for line in entries)  # the hashes come in the lines that follow
    assert not any(COMES_WITH_TORCH.match(line) for line in entries)
