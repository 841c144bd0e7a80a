"""`scripts/environment`: which Python is taken, and what is said where there is none."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOOLS = ("seq", "cat", "uname")


def find_python(folder):
    """Run `_find_python` with only one folder of commands on the PATH."""
    return subprocess.run(
        [shutil.which("bash"), "-c", "source scripts/environment; _find_python"],
        cwd=ROOT,
        env={"PATH": str(folder)},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def commands(tmp_path):
    """Return a folder with the few commands that the script itself needs."""
    for tool in TOOLS:
        (tmp_path / tool).symlink_to(shutil.which(tool))
    return tmp_path


def write_python(folder, name, version, lacks=()):
    """This interpreter, but it says that it is of another version, and lacks some modules."""
    prefix = f"import sys; sys.version_info = {version!r} + sys.version_info[3:]\n"
    prefix += "".join(f"sys.modules['{module}'] = None\n" for module in lacks)
    program = folder / name
    program.write_text(
        f'#!{shutil.which("bash")}\n[ "$1" = -c ] && exec {sys.executable} -c "{prefix}$2"\n'
        f'echo "Python {".".join(map(str, version))}"\n'
    )
    program.chmod(0o755)


def test_the_newest_supported_python_is_taken(commands):
    for name, version in {
        "python3.15": (3, 15, 0),
        "python3.13": (3, 13, 5),
        "python3.11": (3, 11, 7),
        "python3": (3, 10, 1),
    }.items():
        write_python(commands, name, version)
    assert find_python(commands).stdout == "python3.13\n"


@pytest.mark.parametrize("name", ["python3", "python"])
def test_a_supported_python_without_a_version_in_its_name_is_taken(commands, name):
    write_python(commands, name, (3, 14, 2))
    assert find_python(commands).stdout == f"{name}\n"


def test_a_python_that_can_make_no_environment_is_passed_over(commands):
    """Debian's Python is like this without python3-venv and python3-pip."""
    write_python(commands, "python3.13", (3, 13, 5), lacks=["ensurepip", "pip"])
    done = find_python(commands)
    assert "found Python 3.13.5 without pip and venv" in done.stderr
    write_python(commands, "python3.12", (3, 12, 3), lacks=["ensurepip"])
    assert find_python(commands).stdout == "python3.12\n"


@pytest.mark.parametrize(
    ("version", "said"), [(None, "no python3"), ((3, 9, 2), "Python 3.9.2"), ((3, 15, 0), "3.15.0")]
)
def test_without_one_it_says_what_there_is_and_how_to_get_one(commands, version, said):
    if version:
        write_python(commands, "python3", version)
    done = find_python(commands)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "needs Python 3.11 to 3.14" in done.stderr
    assert said in done.stderr
    for system in ("apt install", "dnf install", "brew install"):
        assert system in done.stderr


def test_the_range_is_that_of_the_metadata():
    script = (ROOT / "scripts" / "environment").read_text("utf-8")
    oldest, newest = (
        int(script.split(f"{name}_MINOR=")[1].split()[0]) for name in ("OLDEST", "NEWEST")
    )
    for project in ("pyproject.toml", "client/pyproject.toml"):
        wanted = f'requires-python = ">=3.{oldest},<3.{newest + 1}"'
        assert wanted in (ROOT / project).read_text("utf-8")
