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


@pytest.mark.parametrize("way", ["as it is shown", "by its default"])
def test_langchain_gets_as_many_vectors_as_it_has_texts(service_url, way):
    program = PROGRAMS[0]
    if way == "by its default":
        program = re.sub(r"\n +chunk_size=.*", "", program)
    embeddings = run(program, service_url)["embeddings"]
    assert embeddings.chunk_size == (32 if way == "as it is shown" else 1000)
    last = embeddings.chunk_size  # the only one of a second request
    vectors = np.array(embeddings.embed_documents([f"第{number}条" for number in range(last + 1)]))
    assert vectors.shape == (last + 1, 24)
    for number in (0, last - 1, last):
        expected = embeddings.embed_query(f"第{number}条")
        np.testing.assert_allclose(vectors[number], expected, rtol=0, atol=1e-6)


# As read in the sources and reports of these clients; they are no part of the environment.
BODIES = {
    "LiteLLM": {"model": "tiny", "input": ["第1条"], "encoding_format": None, "user": None},
    "LiteLLM, by its proxy": {"model": "tiny", "input": [[3, 4]], "encoding_format": "float"},
    "LlamaIndex": {"model": "tiny", "input": ["第1条"] * 100, "encoding_format": "base64"},
    "Dify": {"model": "tiny", "input": ["第1条"], "encoding_format": None},
    "Haystack with vLLM": {
        "model": "tiny",
        "input": ["第1条"],
        "truncate_prompt_tokens": 256,
        "truncation_side": "right",
    },
    "NVIDIA's": {
        "model": "tiny",
        "input": ["第1条"],
        "input_type": "query",
        "truncate": "NONE",
        "encoding_format": "float",
    },
}


@pytest.mark.parametrize("name", BODIES)
def test_the_bodies_of_other_clients_are_answered(service_url, name):
    body = BODIES[name]
    answer = httpx.post(f"{service_url}/v1/embeddings", json=body, trust_env=False)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["data"]) == len(body["input"])


def test_langchain_gets_the_vectors_of_the_service(service_url):
    names = run(PROGRAMS[0], service_url)
    body = {"input": ["我吃了一个苹果", "我在用苹果手机"], "encoding_format": "float"}
    answer = httpx.post(f"{service_url}/v1/embeddings", json=body, trust_env=False).json()
    expected = [one["embedding"] for one in answer["data"]]
    np.testing.assert_allclose([names["fruit"], names["phone"]], expected, rtol=0, atol=1e-7)
