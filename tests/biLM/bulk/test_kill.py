"""Kill a real process with a signal that it cannot catch, at random moments of a bulk run."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pyarrow import parquet

from biLM.bulk.parts import run_folder
from tests.conftest import SENTENCES

ROOT = Path(__file__).parents[3]
KILLS = 4
POLL_S = 0.002  # how often a run is looked at
TEXTS = 8_000


def start(path, out, artifact_folder):
    command = [sys.executable, "-m", "biLM", "embed", str(path), "--out", str(out)]
    command += ["--artifact", str(artifact_folder), "--part-characters", "3000"]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)


def bytes_in(folder):
    """Return the total size of all files, unfinished ones included; a file may vanish meanwhile."""
    sizes = 0
    for base in (folder, run_folder(folder)):
        for name in os.listdir(base) if base.exists() else []:
            try:
                sizes += (base / name).stat().st_size
            except FileNotFoundError:
                continue
    return sizes


@pytest.mark.long
def test_a_run_killed_at_random_moments_gives_the_rows_of_an_unbroken_one(
    artifact_folder, tmp_path
):
    chance = random.Random(1)
    texts = ["".join(chance.choices(SENTENCES, k=chance.randint(0, 3))) for _ in range(TEXTS)]
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(texts), encoding="utf-8")
    unbroken, killed = tmp_path / "unbroken", tmp_path / "killed"
    assert start(path, unbroken, artifact_folder).wait() == 0
    share = bytes_in(unbroken) // (KILLS + 2)
    for _ in range(KILLS):
        enough = bytes_in(killed) + chance.randint(1, share)
        process = start(path, killed, artifact_folder)
        while bytes_in(killed) < enough:
            assert process.poll() is None, "the run ended before it was killed"
            time.sleep(POLL_S)
        process.kill()
        process.wait()
    assert start(path, killed, artifact_folder).wait() == 0
    assert parquet.read_table(killed).equals(parquet.read_table(unbroken))
    for base in (unbroken, run_folder(unbroken)):
        twin = base.with_name(base.name.replace("unbroken", "killed"))
        assert sorted(os.listdir(base)) == sorted(os.listdir(twin))
