"""The programs of docs/torch.md run as they stand there, and its table is that of the code."""

import inspect
import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from biLM.artifact import load_artifact
from biLM.encoder import Encoder
from biLM.nn import Elmo

PAGE = (Path(__file__).parent.parent / "docs/torch.md").read_text("utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SHOWN = re.findall(r"```\n([^`]*?)```", re.sub(r"```python\n.*?```", "", PAGE, flags=re.DOTALL))


def run_all(monkeypatch, folder):
    """Run the programs one after the other in a folder; return their names and what they print."""
    monkeypatch.chdir(folder)
    names, printed = {}, io.StringIO()
    with redirect_stdout(printed):
        for program in PROGRAMS:
            exec(compile(program, "docs/torch.md", "exec"), names)
    return names, printed.getvalue()


def test_the_programs_train_and_save(artifact_folder, monkeypatch, tmp_path):
    monkeypatch.setattr("biLM.nn.elmo.DEFAULT_MODEL", artifact_folder)
    names, printed = run_all(monkeypatch, tmp_path)
    assert printed.count("\n") == "".join(SHOWN).count("\n")
    assert names["loss"].item() < 0.65  # a coin gets 0.69
    encoder = Encoder.load(artifact_folder, mixes=tmp_path / "build/mixes.json")
    assert encoder.mix("apples") != encoder.mix("default")
    saved = load_artifact(tmp_path / "build/my-model")
    assert (saved.revision, "apples" in saved.mixes) == (names["revision"], True)


@pytest.mark.long
def test_the_programs_print_what_is_shown(monkeypatch, tmp_path):
    _, printed = run_all(monkeypatch, tmp_path)
    assert printed == "".join(SHOWN)


def test_the_table_has_the_options_of_the_code():
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \|", PAGE, re.MULTILINE)
    options = inspect.signature(Elmo.load).parameters.values()
    shown = {"artifact": "zh-small"}
    expected = [(one.name, shown.get(one.name, str(one.default))) for one in options]
    assert [(name, default.strip("`")) for name, default in rows] == expected
