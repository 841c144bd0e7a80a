"""Test what a command imports before it reads its arguments, each in a new process."""

import subprocess
import sys

import pytest

from biLM.bulk import choices
from biLM.bulk.command import build_parser
from biLM.bulk.formats import FORMATS
from biLM.bulk.job import Job
from biLM.bulk.transform import LEVELS, Wanted
from biLM.network.pooling import POOLINGS
from training.cells.choice import CELLS as CELL_CLASSES
from training.choices import CELLS, EXPERIMENTS, STRATEGIES
from training.lab.command import EXPERIMENTS as MEASURED
from training.result.generate import STRATEGIES as STRATEGY_CLASSES

SLOW = ("torch", "sklearn", "jieba", "matplotlib", "pyarrow", "h5py", "fastapi", "uvicorn")
ASK = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
finally:
    print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("training --help", 0),
        ("training fit-mix --help", 0),
        ("training train no-such-recipe", 2),
        ("training lab --only no-such-experiment", 2),
        ("service --help", 0),
        ("service --check-config", 0),
        ("service --port many", 2),
        ("biLM --help", 0),
        ("biLM embed --help", 0),
        ("biLM embed texts.txt --out vectors --pooling sum", 2),
    ],
)
def test_help_and_refused_arguments_import_nothing_slow(command, status):
    asked = [sys.executable, "-c", ASK, *command.split()]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    imported = done.stderr.splitlines()[-1].split()
    assert "argparse" in imported
    assert not set(SLOW) & set(imported)


def test_the_names_that_can_be_chosen_are_those_there_are():
    assert choices.LEVELS == LEVELS
    assert choices.POOLINGS == POOLINGS
    assert choices.FORMATS == FORMATS
    assert list(CELLS) == list(CELL_CLASSES)
    assert list(STRATEGIES) == list(STRATEGY_CLASSES)
    assert list(EXPERIMENTS) == list(MEASURED)


def test_what_is_not_said_to_embed_is_as_in_python():
    given = vars(build_parser().parse_args(["texts.txt", "--out", "vectors"]))
    names = ("level", "mix", "layers", "pooling", "center", "normalize", "truncate")
    assert {name: given[name] for name in names} == {name: getattr(Wanted, name) for name in names}
    assert given["max_text_pieces"] == Wanted.max_text_pieces
    assert (given["format"], given["part_characters"]) == (Job.kind, Job.part_characters)
