"""Run what docs/bulk.md shows, as it stands there, on the tiny model."""

import io
import re
import shlex
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest

from biLM.__main__ import main
from tests.conftest import SENTENCES

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/bulk.md").read_text("utf-8")
# What a page is about, and not what a test of it does.
INSTALLS = "scripts/install "
CLUSTER = "ray start "


def blocks(language):
    """Return the blocks of a language in their order."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def commands():
    """Return the lines of the shell blocks, without comments."""
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    return [line.partition("  #")[0].strip() for line in lines]


def embed(command, artifact_folder, *more):
    """Run a command of the page on the tiny model, and return its status."""
    common = ["--artifact", str(artifact_folder), "--precision", "float32", *more]
    return main([*shlex.split(command)[1:], *common])


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The files that the page names, in the folder where the commands run."""
    monkeypatch.chdir(tmp_path)
    lines = "".join(f'{{"text": "{text}"}}\n' for text in SENTENCES)
    Path("my-texts.jsonl").write_text(lines, encoding="utf-8")
    rows = "".join(f'{number},"{text}"\n' for number, text in enumerate([*SENTENCES, ""]))
    Path("reviews.csv").write_text(f"key,review\n{rows}", encoding="utf-8")


def test_every_command_is_run_or_known(files):
    known = ("bilm embed ", INSTALLS, CLUSTER)
    assert all(command.startswith(known) for command in commands())


def test_the_commands_and_programs_of_the_page_run_as_they_stand(files, artifact_folder):
    shown = [
        command
        for command in commands()
        if command.startswith("bilm embed ") and "--ray" not in command
    ]
    assert len(shown) == 2
    for command in shown:
        assert embed(command, artifact_folder, "--workers", "1") == 0

    reading, searching = blocks("python")
    names = {}
    exec(reading, names)
    assert names["vectors"].shape == (len(SENTENCES), 24)

    with redirect_stdout(io.StringIO()) as printed:
        exec(searching, names)
    vectors = names["vectors"]
    assert len(vectors) == len(SENTENCES)  # the empty one is left out
    nearest = np.argsort(-(vectors @ vectors[0]))[:3]
    rows = printed.getvalue().splitlines()[1:]
    assert [row.split()[1] for row in rows] == [str(number) for number in nearest]
    assert SENTENCES[0] in rows[0]
    assert rows[0].endswith("1.000000") or rows[0].endswith("1.0")


@pytest.mark.long
@pytest.mark.filterwarnings("default")  # Ray's own warnings
def test_the_command_for_a_cluster_runs_on_one(files, artifact_folder, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # workers take the code of this checkout
    (shown,) = [command for command in commands() if "--ray" in command]
    starts = [command for command in commands() if command.startswith(CLUSTER)]
    assert [shlex.split(command)[2] for command in starts] == ["--head", "--address"]
    local = shown.replace("--ray auto", "--ray local").replace("--workers 8", "--workers 1")
    assert local != shown
    assert embed(local, artifact_folder) == 0
