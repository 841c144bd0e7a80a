"""Run the programs of docs/openai.md with a real process, as a reader would."""

import re
from pathlib import Path

import httpx
import numpy as np
import pytest

PROGRAMS = re.findall(r"```python\n(.*?)```", Path("docs/openai.md").read_text("utf-8"), re.DOTALL)


def run(program, service_url):
    """Run it as written, against the service of the tests; returns its names."""
    code = program.replace("http://127.0.0.1:8000", service_url).replace("zh-small", "tiny")
    assert service_url in code
    names = {}
    exec(compile(code, "docs/openai.md", "exec"), names)
    return names


@pytest.mark.parametrize("program", PROGRAMS, ids=["langchain", "openai"])
def test_a_program_runs_and_prints_two_numbers(service_url, capsys, program):
    run(program, service_url)
    assert len([float(number) for number in capsys.readouterr().out.split()]) == 2


def test_langchain_gets_the_vectors_of_the_service(service_url):
    names = run(PROGRAMS[0], service_url)
    body = {"input": ["我吃了一个苹果", "我在用苹果手机"], "encoding_format": "float"}
    answer = httpx.post(f"{service_url}/v1/embeddings", json=body, trust_env=False).json()
    expected = [one["embedding"] for one in answer["data"]]
    np.testing.assert_allclose([names["fruit"], names["phone"]], expected, rtol=0, atol=1e-7)
