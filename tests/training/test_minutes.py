"""The whole command in real processes: many small files, and a kill while it scores."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from biLM.encoder import Encoder
from training.result.sample import draw_sample
from training.result.scoring import Scored, characters_of

ROOT = Path(__file__).parents[2]
LETTERS = [chr(code) for code in range(0x4E00, 0x5000)]
TOY = ("embedding_size=8", "cell_size=8", "batch_pieces=512", "min_rows=1", "num_negatives=64")


@pytest.fixture(scope="module")
def articles(tmp_path_factory):
    """Return a folder of 300 files with 40 lines each, no two of which share much text."""
    folder, chance = tmp_path_factory.mktemp("text") / "articles", random.Random(3)
    folder.mkdir()
    for number in range(300):
        lines = ["".join(chance.choices(LETTERS, k=chance.randint(10, 90))) for _ in range(40)]
        (folder / f"{number:04}.md").write_text("\n".join(lines))
    return folder


def command(corpus, folder, minutes):
    """Return the command that makes an artifact with a small model and the shipped one beside."""
    given = ["--corpus", corpus, "--out", folder / "mine", "--work", folder / "work"]
    settings = [word for one in TOY for word in ("--set", one)]
    return [sys.executable, "-m", "training", "all", *given, "--minutes", str(minutes), *settings]


@pytest.mark.long
@pytest.mark.alone
def test_many_small_files_end_when_the_order_says(articles, tmp_path):
    began = time.monotonic()
    done = subprocess.run(
        command(articles, tmp_path, 1.5), cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert time.monotonic() - began < 1.15 * 90 + 15  # and the start of a process
    assert "1.5 minutes: " in done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("training: ")]
    assert len(said) < 60
    evaluation = json.loads((tmp_path / "work/run/evaluation.json").read_bytes())
    assert evaluation["sample"]["characters"] >= 1_000
    assert evaluation["held_out"]["articles"]["characters"] >= 1_000
    assert evaluation["beside"]["id"] == "zh-small"
    assert Encoder.load(tmp_path / "mine").self_test() < 1e-5


# How much is scored hangs on the seconds that are left, so two commands may score more or less of
# the sample. That the same part has the same figures is tested beside `score_sample`.
@pytest.mark.long
def test_a_command_killed_while_it_scores_finishes_with_what_it_had_scored(articles, tmp_path):
    order, run = command(articles, tmp_path, 0.5), tmp_path / "work/run"
    process = subprocess.Popen(order, cwd=ROOT, stderr=subprocess.DEVNULL)
    while not (run / "scoring.json").exists():
        assert process.poll() is None, "the command ended before it was killed"
        time.sleep(0.001)
    process.kill()
    process.wait()
    kept = json.loads((run / "scoring.json").read_bytes())
    assert kept["blocks"] >= 1
    again = subprocess.run(order, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "resuming the work" in again.stderr
    evaluation = json.loads((run / "evaluation.json").read_bytes())
    assert evaluation["identity"] == kept["identity"]
    planned = json.loads((tmp_path / "work/plan.json").read_bytes())["plan"]["sample_characters"]
    before = Scored({}, kept["blocks"]).excerpts(draw_sample(tmp_path / "work/corpus", planned))
    assert evaluation["sample"]["characters"] >= characters_of(before)
    assert Encoder.load(tmp_path / "mine").self_test() < 1e-5
