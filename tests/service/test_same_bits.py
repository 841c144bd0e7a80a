"""A text has the same bits in every form of a response, whatever else the service computes.

A real process serves the shipped model; eight clients request one text among random neighbours.
"""

import base64
import json
import random
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx
import numpy as np
import pytest
from safetensors.numpy import load

from benchmarks.processes import PATIENCE_S, READY, SERVICE, running

pytestmark = pytest.mark.long

TEXT = "我在用苹果手机，昨天吃了一个苹果。"
WORDS = ["苹果", "手机", "病毒", "我们", "吃", "打", "意思", "。", "，", "the", "窗口", "花"]
# Each client embeds the text ASKED times. The clients do so before a restart and after it, 160
# times in all.
CLIENTS, ASKED = 8, 10
SEARCHED = 2
ACCEPT = {
    "json": "application/json",
    "base64": "application/json",
    "safetensors": "application/vnd.safetensors",
    "lines": "application/x-ndjson",
}


def neighbours(chance):
    """Return up to five texts, each of up to 120 words."""
    return [
        "".join(chance.choices(WORDS, k=chance.randint(0, 120)))
        for _ in range(chance.randint(0, 5))
    ]


def vectors(answer, form, place):
    """Return the vectors of the text in one place of an answer, with the bits that were sent."""
    if form == "safetensors":
        tensors = load(answer.content)
        begin, end = tensors["row_splits"][place : place + 2]
        return tensors["embedding"][begin:end]
    if form == "lines":
        lines = [json.loads(line) for line in answer.text.splitlines()]
        entry = next(line for line in lines if line.get("index") == place)
    else:
        entry = answer.json()["data"][place]
    if form == "json":  # each number has the fewest digits that read back as the same float32
        return np.array(entry["embedding"], np.float32)
    return np.frombuffer(base64.b64decode(entry["embedding"]), "<f4").reshape(entry["shape"])


def embed(service, number):
    """Return the different answers that one client gets for the text, as bytes of float32."""
    chance, found = random.Random(number), set()
    with httpx.Client(base_url=service.url, timeout=PATIENCE_S, trust_env=False) as client:
        for _ in range(ASKED):
            form = chance.choice(list(ACCEPT))
            texts = neighbours(chance)
            place = chance.randint(0, len(texts))
            texts.insert(place, TEXT)
            fields = {"texts": texts, "encoding": "json" if form == "json" else "base64"}
            answer = client.post("/embed", json=fields, headers={"accept": ACCEPT[form]})
            assert answer.status_code == 200, answer.text
            found.add(vectors(answer, form, place).astype("<f4").tobytes())
    return found


def complete(service, number):
    """Return the different bodies that one client gets for one request to /complete.

    Between these requests it sends texts and other searches.
    """
    chance, found = random.Random(number), set()
    asked = {"text": TEXT, "strategy": "sample", "seed": 3, "num_completions": 4, "max_pieces": 12}
    with httpx.Client(base_url=service.url, timeout=PATIENCE_S, trust_env=False) as client:
        for _ in range(SEARCHED):
            beams = {"strategy": "beam", "num_beams": chance.randint(1, 16), "max_pieces": 5}
            text = "".join(chance.choices(WORDS, k=chance.randint(0, 20)))
            assert client.post("/complete", json={"text": text, **beams}).status_code == 200
            assert client.post("/embed", json={"texts": [*neighbours(chance), ""]}).is_success
            answer = client.post("/complete", json=asked)
            assert answer.status_code == 200, answer.text
            found.add(answer.content)
    return found


ASKING = (embed, complete)


@pytest.fixture(scope="module")
def answers():
    """Return the different answers to each question from two processes, one after the other.

    The second process gets the questions in the other order, so that each question is once the
    first that a process answers.
    """
    found = {asking: set() for asking in ASKING}
    for restart, order in enumerate((ASKING, ASKING[::-1])):
        numbers = range(restart * CLIENTS, (restart + 1) * CLIENTS)
        with (
            running(*SERVICE, "--threads", "1", "--max-queue-s", "600") as service,
            ThreadPoolExecutor(CLIENTS) as clients,
        ):
            service.wait_for(READY)
            for asking in order:
                for one in clients.map(partial(asking, service), numbers):
                    found[asking] |= one
    return found


@pytest.mark.parametrize("asking", ASKING)
def test_all_answers_to_one_question_have_the_same_bytes(answers, asking):
    assert len(answers[asking]) == 1
