"""Test that a wheel works without the repository, in its own environment and folder."""

import ast
import base64
import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import httpx
import numpy as np
import pytest

from benchmarks.processes import READY, running
from biLM import Encoder, Readout

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
PATIENCE_S = 300
TEXT = "我吃了一个苹果"
WEB = ("fastapi", "starlette", "uvicorn", "pydantic", "pydantic_settings", "orjson")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel as docs/release.md does, and return its path."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "-w", folder, ROOT], check=True, timeout=PATIENCE_S)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def commands(wheel, tmp_path_factory):
    """The programs of an environment with the wheel, and of this checkout only what it needs."""
    place = tmp_path_factory.mktemp("elsewhere") / "venv"
    venv.create(place, with_pip=False)
    install = [sys.executable, "-m", "pip", "--python", place, "install", "--quiet"]
    subprocess.run([*install, "--no-deps", "--no-index", wheel], check=True, timeout=PATIENCE_S)
    # Packages of this environment, but none of its .pth files: the checkout cannot be imported.
    paths = sysconfig.get_paths(vars={"base": str(place), "platbase": str(place)})
    Path(paths["purelib"], "others.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return place / "bin"


def test_it_puts_no_common_name_into_other_peoples_packages(wheel):
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "biLM",
        "bilm_service",
        "bilm_training",
    }


def test_nothing_in_it_imports_a_package_by_the_name_it_has_in_the_checkout(wheel):
    with zipfile.ZipFile(wheel) as archive:
        programs = [name for name in archive.namelist() if name.endswith(".py")]
        assert len(programs) > 100
        for name in programs:
            for node in ast.walk(ast.parse(archive.read(name))):
                imported = []
                if isinstance(node, ast.Import):
                    imported = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    imported = [node.module]
                assert not {one.split(".")[0] for one in imported} & {"service", "training"}, name


def test_it_serves_the_model_it_carries_from_any_folder(commands, tmp_path):
    arguments = ("--precision", "float32", "--threads", "1")
    with running(str(commands / "bilm"), "serve", *arguments, cwd=tmp_path) as server:
        server.wait_for(READY)
        answer = httpx.post(f"{server.url}/embed", json={"texts": TEXT, "level": "char"})
    (entry,) = answer.json()["data"]
    vectors = np.frombuffer(base64.b64decode(entry["embedding"]), "<f4").reshape(entry["shape"])

    encoder = Encoder.load(ROOT / "models" / "zh-small")
    readout = Readout(encoder.mix("default"))
    (expected,) = encoder.embed([encoder.chars(TEXT)], [readout])
    np.testing.assert_allclose(vectors, expected, rtol=0, atol=1e-5)


def test_the_library_needs_no_web_framework(commands, tmp_path):
    program = f"""
import sys
sys.modules.update(dict.fromkeys({WEB!r}))
from biLM import Encoder, Readout
encoder = Encoder.load("zh-small")
(vectors,) = encoder.embed([encoder.chars({TEXT!r})], [Readout(encoder.mix("default"))])
import biLM
print(biLM.__file__, *vectors.shape)
"""
    done = subprocess.run(
        [commands / "python", "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    place, *shape = done.stdout.split()
    assert place.startswith(str(commands.parent)), done.stderr
    assert shape == ["7", "1024"]


def test_what_the_library_installs_is_no_web_framework(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
        lines = archive.read(name).decode().splitlines()
    needed = [
        line for line in lines if line.startswith("Requires-Dist:") and "extra ==" not in line
    ]
    assert len(needed) == 5
    assert not [line for line in needed if any(package in line for package in WEB)]


def test_a_model_can_be_trained_from_it(commands, tmp_path):
    (tmp_path / "texts.txt").write_text("我吃了一个苹果。\n" * 3 + "今天天气很好。\n", "utf-8")
    command = [commands / "bilm", "train", "corpus", "texts.txt", "--out", "corpus"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "corpus" / "corpus.json").read_text("utf-8"))
