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


def write_articles(folder, files, lines):
    """Write files of lines, no two of which share much text; return the folder."""
    folder.mkdir()
    chance = random.Random(3)
    for number in range(files):
        texts = ["".join(chance.choices(LETTERS, k=chance.randint(10, 90))) for _ in range(lines)]
        (folder / f"{number:04}.md").write_text("\n".join(texts))
    return folder


@pytest.fixture(scope="module")
def articles(tmp_path_factory):
    """Return a folder of 300 files with 40 lines each."""
    return write_articles(tmp_path_factory.mktemp("text") / "articles", 300, 40)


def command(corpus, folder, minutes):
    """Return the command that makes an artifact with a small model and the shipped one beside."""
    given = ["--corpus", corpus, "--out", folder / "mine", "--work", folder / "work"]
    settings = [word for one in TOY for word in ("--set", one)]
    return [sys.executable, "-m", "training", "all", *given, "--minutes", str(minutes), *settings]


def finish(order):
    subprocess.run(order, cwd=ROOT, capture_output=True, check=True)


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


def of_kind(folder, kind):
    log = folder / "work/run/log.jsonl"
    return log.read_text().count(f'{{"kind": "{kind}"') if log.exists() else 0


def killed_when(order, reached):
    """Start the command, and kill it as soon as something is reached."""
    process = subprocess.Popen(order, cwd=ROOT, stderr=subprocess.DEVNULL)
    while not reached():
        assert process.poll() is None, "the command ended before it was killed"
        time.sleep(0.001)
    process.kill()
    process.wait()


# The vocabulary is given and the text is short, so that every machine reads all of it. What is left
# to the speed of the machine, how long it trains, is taken over from the unbroken command once the
# text is prepared.
@pytest.mark.long
def test_a_command_killed_ten_times_ends_in_the_artifact_of_an_unbroken_one(tmp_path):
    articles = write_articles(tmp_path / "articles", 100, 20)
    initial, unbroken, killed = (tmp_path / name for name in ("initial", "unbroken", "killed"))
    finish(command(articles, initial, 0.3))
    settings = ["--set", "checkpoint_every_s=0.1", "--set", "log_every_steps=10"]
    settings += ["--init-from", initial / "mine"]
    order = [*command(articles, killed, 0.4), *settings]
    finish([*command(articles, unbroken, 0.4), *settings])
    work = killed / "work"
    for prepared in ("corpus/CACHEDIR.TAG", "corpus/corpus.json", "shards/counts.npy", "plan.json"):
        killed_when(order, (work / prepared).exists)
    (work / "plan.json").write_bytes((unbroken / "work/plan.json").read_bytes())
    for _ in range(4):
        lines = of_kind(killed, "train") + 3
        killed_when(order, lambda lines=lines: of_kind(killed, "train") >= lines)
    killed_when(order, (work / "run/scoring.json").exists)
    killed_when(order, (killed / "mine").exists)
    assert not (killed / "mine/config.json").exists()
    finish(order)
    ends = [json.loads((one / "mine/config.json").read_bytes()) for one in (unbroken, killed)]
    # The card tells the times of its run, and how much of the sample was scored in them.
    cards = [one["sha256"].pop("card.json") for one in ends]
    assert cards[0] != cards[1]
    assert ends[0] == ends[1]
