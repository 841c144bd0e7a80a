import asyncio
import re
from pathlib import Path

import numpy as np
import pytest
from bilm_client import Client

README = Path("client/README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
ADDRESS = "http://127.0.0.1:8000"


def run(code, url):
    """Run a program of the README with another address."""
    assert ADDRESS in code
    names = {"__name__": "readme"}
    exec(compile(code.replace(ADDRESS, url), "client/README.md", "exec"), names)
    return names


def example(word):
    """Return the only program of the README that has the word."""
    (code,) = [code for code in EXAMPLES if word in code]
    return code


def test_the_first_example_runs_against_a_service(service_url, capsys):
    run(EXAMPLES[0], service_url)
    shapes = re.findall(r"\((\d+), (\d+)\)", capsys.readouterr().out)
    assert [dim for _, dim in shapes] == ["24", "24"]


def test_the_gates_are_shown_where_inspection_is_on(inspecting_url, capsys):
    run(example("client.inspect"), inspecting_url)
    assert capsys.readouterr().out.endswith(", 12)\n")


def test_vectors_come_one_by_one(service_url, capsys):
    run(example("embed_iter"), service_url)
    assert capsys.readouterr().out == "200\n"


def test_the_own_mean_is_zero_afterwards(service_url, capsys):
    run(example("client.center"), service_url)
    numbers = re.findall(r"-?\d+\.\d*", capsys.readouterr().out)
    assert len(numbers) == 24
    assert not any(map(float, numbers))


def test_a_search_runs_with_a_memory(service_url, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run(example("GridSearchCV"), service_url)
    assert capsys.readouterr().out in ("[0]\n", "[1]\n")
    assert (tmp_path / "vectors-cache").is_dir()


def test_llama_index_gets_the_vectors_of_the_service(service_url, capsys):
    pytest.importorskip("llama_index.core")
    model = run(example("llama_index"), service_url)["model"]
    first, cosine = capsys.readouterr().out.split()
    assert first == "2"
    assert float(cosine) == pytest.approx(1, abs=1e-6)
    with Client(service_url) as client:
        (expected,) = client.embed("苹果", level="text", center=True, normalize=True)
    for found in (
        model.get_text_embedding("苹果"),
        asyncio.run(model.aget_query_embedding("苹果")),
        asyncio.run(model.aget_text_embedding_batch(["苹果"]))[0],
    ):
        np.testing.assert_allclose(found, expected.vectors[0], rtol=0, atol=1e-6)
