"""/v1/embeddings asked by OpenAI's official client for Node, over a real connection."""

import json
import shutil
import subprocess
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.live import listening
from tests.service.serving import PATIENCE_S, vectors_of

PROGRAM = Path(__file__).parent / "node"
TEXTS = [f"第{number}条" for number in range(2048)]  # as many as OpenAI takes


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The folder of the program, with the client it needs."""
    if not shutil.which("npm"):
        pytest.skip("there is no npm; .ci/run installs it")
    folder = tmp_path_factory.mktemp("node") / "program"
    shutil.copytree(PROGRAM, folder)
    install = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"]
    if subprocess.run(install, cwd=folder, check=False, timeout=PATIENCE_S).returncode:
        pytest.skip("npm cannot fetch the client")
    return folder


@pytest.mark.long
def test_the_official_node_client_gets_the_vectors_of_embed(program, artifact_folder):
    with listening(artifact_folder, max_texts=2048, api_keys="first-key-1") as url:
        command = [
            "node",
            "embed.js",
            f"{url}/v1",
            "first-key-1",
            json.dumps(TEXTS, ensure_ascii=False),
        ]
        done = subprocess.run(
            command, cwd=program, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        assert done.returncode == 0, done.stderr
        fields = {"texts": TEXTS, "level": "text", "center": True, "normalize": True}
        headers = {"x-api-key": "first-key-1"}
        answer = httpx.post(f"{url}/embed", json=fields, headers=headers, trust_env=False)
    found = json.loads(done.stdout)
    expected = np.concatenate([vectors_of(entry) for entry in answer.json()["data"]])
    for way in ("usual", "float"):
        np.testing.assert_allclose(found[way], expected, rtol=0, atol=1e-7)
    assert found["refusal"] == {"status": 422, "code": "validation_error", "param": "dimensions"}
