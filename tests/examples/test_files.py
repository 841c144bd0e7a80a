import resource
from contextlib import contextmanager

import pytest

from examples.classifier.errors import WriteError
from examples.classifier.files import write_atomically


@contextmanager
def room_for(num_bytes):
    """No file may grow beyond that: to a program the same as a full disk."""
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_is_told_and_what_was_there_stays_alone(tmp_path):
    path = tmp_path / "report.md"
    write_atomically(path, lambda file: file.write(b"before"))
    with room_for(1000), pytest.raises(WriteError, match=r"report\.md cannot be written: .*; make"):
        write_atomically(path, lambda file: file.write(b"x" * 100_000))
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(WriteError, match="name another folder"):
        write_atomically(tmp_path / "out" / "report.md", lambda file: file.write(b""))


def test_what_the_writer_raises_leaves_nothing_behind(tmp_path):
    def broken(file):
        file.write(b"half")
        raise KeyError

    with pytest.raises(KeyError):
        write_atomically(tmp_path / "report.md", broken)
    assert not list(tmp_path.iterdir())
