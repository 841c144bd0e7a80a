"""Run the commands of README and guides as written, on the shipped model with another port."""

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from benchmarks.processes import HOST, READY, SERVICE, running
from biLM.bulk.command import build_parser as build_bulk_parser
from training.__main__ import build_parser

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
README_ZH = (ROOT / "README.zh-CN.md").read_text("utf-8")
REQUESTS = (ROOT / "docs/requests.md").read_text("utf-8")
TRAINING = (ROOT / "docs/training.md").read_text("utf-8")
ADDRESS = "127.0.0.1:8000"


def commands(readme, begin):
    """Return the lines of a page's shell blocks that begin with a prefix, without comments."""
    blocks = re.findall(r"```bash\n(.*?)```", readme, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line.partition("  #")[0].strip() for line in lines if line.startswith(begin)]


@pytest.fixture(scope="module")
def address():
    """Return the URL of a process with the shipped model and all that the requests need enabled."""
    (turned_on,) = commands(REQUESTS, "BILM_INSPECT")
    name, _, value = turned_on.split()[0].partition("=")
    with running(*SERVICE, cwd=ROOT, env={**os.environ, name: value}) as server:
        server.wait_for(READY)
        yield f"{HOST}:{server.port}"


def run(command, address):
    """Return the JSON that a command prints."""
    if not shutil.which("curl"):
        pytest.skip("this machine has no curl")
    written = command.replace(ADDRESS, address)
    done = subprocess.run(["bash", "-c", written], capture_output=True, check=True, cwd=ROOT)
    return json.loads(done.stdout)


def test_there_are_commands_to_run_and_both_languages_have_the_same():
    assert len(commands(README, "curl")) == 3
    assert len(commands(REQUESTS, "curl")) >= 10
    for begin in ("curl", "scripts/", "BILM_", "docker", "bilm "):
        assert commands(README, begin) == commands(README_ZH, begin)


def test_the_answer_beside_the_first_request_is_the_answer(address):
    (shown,) = re.findall(r"```json\n(.*?)```", REQUESTS, re.DOTALL)
    answer = run(commands(REQUESTS, "curl")[0], address)
    answer["model"]["revision"] = answer["model"]["revision"][:11] + "…"
    assert json.loads(shown) == answer


@pytest.mark.parametrize("command", commands(README, "curl") + commands(REQUESTS, "curl")[:-1])
def test_a_request_is_answered(address, command):
    assert "error" not in run(command, address)


def test_the_refusal_is_a_refusal(address):
    error = run(commands(REQUESTS, "curl")[-1], address)["error"]
    assert error["code"] == "validation_error"


def test_one_word_has_two_senses_by_the_margin_shown(address):
    program = [sys.executable, "-m", "examples.apples", f"http://{address}"]
    done = subprocess.run(program, capture_output=True, check=True, cwd=ROOT, text=True)
    model = (ROOT / "docs/model.md").read_text("utf-8")
    for name in ("mix default", "context"):
        printed, shown = (cosines(name, text) for text in (done.stdout, model))
        assert printed == pytest.approx(shown, abs=0.002)  # another CPU rounds otherwise
        assert min(printed[:2]) > printed[2]


def cosines(name, text):
    """Return the numbers that the example prints: inside fruit, inside phone, across."""
    (line,) = re.findall(rf"^{name} +(-?\d.*)$", text, re.MULTILINE)
    return [float(cosine) for cosine in line.split()]


@pytest.mark.parametrize("readme", [README, README_ZH])
def test_the_library_prints_the_cosines_shown_high_inside_a_sense_and_low_across(readme):
    ((program, shown),) = re.findall(r"```python\n(.*?)```\n\n```\n(.*?)```", readme, re.DOTALL)
    with redirect_stdout(io.StringIO()) as printed:
        exec(program, {})
    number = re.compile(r"\d\.\d+")
    assert number.sub("N", printed.getvalue()) == number.sub("N", shown)
    inside, *across = map(float, number.findall(printed.getvalue()))
    in_readme = list(map(float, number.findall(shown)))
    assert [inside, *across] == pytest.approx(in_readme, abs=0.011)  # another CPU rounds otherwise
    assert inside > max(across)


@pytest.mark.parametrize("command", commands(README + TRAINING, "bilm train"))
def test_a_training_step_takes_the_arguments_shown(command):
    build_parser().parse_args(shlex.split(command)[2:])


@pytest.mark.parametrize("text", [README, (ROOT / "docs/bulk.md").read_text("utf-8")])
def test_a_bulk_run_takes_the_arguments_shown(text):
    shown = commands(text, "bilm embed")
    assert shown
    for command in shown:
        build_bulk_parser().parse_args(shlex.split(command)[2:])
