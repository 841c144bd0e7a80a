"""Test that the packages in the example's Dockerfile suffice for the example."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "examples" / "classifier" / "Dockerfile"
# more than one request holds
ROWS = "".join(f"水果\t苹果很甜，第{n}次\n手机\t屏幕碎了，第{n}次\n" for n in range(150))
PATIENCE_S = 500


@pytest.fixture
def python(tmp_path):
    """Return an interpreter with the packages that the RUN line installs."""
    venv.create(tmp_path / "venv", with_pip=False)
    path = tmp_path / "venv" / "bin" / "python"
    (run,) = re.findall(r"^RUN ((?:.*\\\n)*.*)", DOCKERFILE.read_text("utf-8"), re.MULTILINE)
    pip = f"{shlex.quote(sys.executable)} -m pip --python {shlex.quote(str(path))}"
    command = run.replace(" /", f" {shlex.quote(str(ROOT))}/").replace("python3 -m pip", pip)
    subprocess.run(["bash", "-c", command], check=True, timeout=PATIENCE_S)
    return path


@pytest.mark.long
def test_the_image_can_train_and_predict(python, service_url, tmp_path):
    shutil.copytree(ROOT / "examples", tmp_path / "app" / "examples")
    (tmp_path / "rows.tsv").write_text(ROWS, encoding="utf-8")
    kept = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{tmp_path}/app", "MPLCONFIGDIR": "/tmp"}

    def run(program, *arguments):
        return subprocess.run(
            [python, "-m", f"examples.classifier.{program}", *arguments],
            capture_output=True,
            check=True,
            cwd=tmp_path,
            env=kept,
            text=True,
            timeout=PATIENCE_S,
        ).stdout

    files = ["--train", "rows.tsv", "--test", "rows.tsv", "--label", "1", "--text", "2"]
    table = run("train", *files, "--url", service_url, "--out", "toy")
    assert "embeddings and characters" in table
    assert run("predict", "--model", "toy", "苹果很甜，第1次").startswith("水果\t")
