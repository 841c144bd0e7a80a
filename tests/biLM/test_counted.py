import pytest

from biLM.counted import counted


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (12345, "12,345 files")]
)
def test_one_thing_is_in_the_singular(number, expected):
    assert counted(number, "file") == expected
