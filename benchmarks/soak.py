"""Does the memory of a server stay flat under mixed load?

python -m benchmarks.soak --minutes 20

A real process serves the shipped model on the loopback; clients ask, each as soon as it is
answered, for random texts of random lengths, in every form, level and path. Resident memory is read
from the server's own metrics; printed are its course, and its slope over the last three quarters of
the time, when caches are warm. Fails if an answer is none of 200, 429, and 413 for what is too
large.
"""

import argparse
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator

import httpx
import numpy as np
import torch

from benchmarks.processes import HOST, PATIENCE_S, SERVICE, resident_mib, serving
from training.provenance import provenance

CLIENTS = 8
EVERY_S = 15.0
ACCEPT = ("application/json", "application/vnd.safetensors", "application/x-ndjson")
CHARACTERS = "我们在吃苹果手机打病毒窗口意思花，。的一是不了人有这 abcdefg0123456789"


def main() -> None:
    """Print the memory, its slope and the answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20.0)
    given = parser.parse_args()
    print(provenance(torch.device("cpu")))
    with serving(*SERVICE) as port:
        url = f"http://{HOST}:{port}"
        ends = time.monotonic() + 60 * given.minutes
        answers: Counter[int] = Counter()
        clients = [
            threading.Thread(target=ask, args=(url, number, ends, answers), daemon=True)
            for number in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        course = list(watch(port, ends))
        for client in clients:
            client.join(PATIENCE_S)
    seconds, memory = np.array(course[len(course) // 4 :]).T
    slope = np.polyfit(seconds / 60, memory, 1)[0]
    for second, mebibytes in course[:: max(1, len(course) // 20)]:
        print(f"{second / 60:6.1f} min {mebibytes:8.1f} MiB")
    print(f"slope {slope:+.3f} MiB a minute; answers {dict(answers)}")
    assert answers.keys() <= {200, 413, 429}, "an answer that is none of those"


def ask(url: str, number: int, ends: float, answers: Counter[int]) -> None:
    """One client."""
    chance = random.Random(number)
    with httpx.Client(base_url=url, timeout=PATIENCE_S, trust_env=False) as client:
        while time.monotonic() < ends:
            path, fields = some_request(chance)
            headers = {"accept": chance.choice(ACCEPT) if path == "/embed" else "*/*"}
            answers[client.post(path, json=fields, headers=headers).status_code] += 1


def some_request(chance: random.Random) -> tuple[str, dict[str, object]]:
    """A path and a body, most of them small and some large."""
    longest = chance.choice([20, 20, 60, 60, 300, 3000])
    number = chance.choice([1, 1, 1, 4, 32]) if longest < 1000 else 1
    texts = [
        "".join(chance.choices(CHARACTERS, k=chance.randint(0, longest))) for _ in range(number)
    ]
    kind = chance.random()
    if kind < 0.1:
        num_pieces = chance.choice([1, 1, 1, 2])
        return "/fill", {"text": f"{texts[0][:100]}__", "num_pieces": num_pieces}
    if kind < 0.12:
        return "/complete", {
            "text": texts[0][:100],
            "strategy": "sample",
            "seed": chance.randint(0, 9),
        }
    if kind < 0.2:
        return "/similarity", {"word": "苹果", "texts": [*texts, "吃苹果"]}
    if kind < 0.3:
        return "/tokenize", {"texts": texts}
    level = chance.choice(["piece", "char", "text"])
    encoding = chance.choice(["json", "base64"]) if longest < 1000 else "base64"
    return "/embed", {"texts": texts, "level": level, "encoding": encoding}


def watch(port: int, ends: float) -> Iterator[tuple[float, float]]:
    """Seconds since the beginning, and resident memory in MiB."""
    began = time.monotonic()
    while time.monotonic() < ends:
        yield time.monotonic() - began, resident_mib(port)
        time.sleep(EVERY_S)


if __name__ == "__main__":
    main()
