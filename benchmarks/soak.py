"""Does the memory of a server stay flat under mixed load?

python -m benchmarks.soak --minutes 20

A real process serves the shipped model on the loopback; clients ask, each as soon as it is
answered, for random texts of random lengths, on every path, at every level and in every form. Every
15 seconds they pause, and once nothing is in flight the resident memory is read from the server's
own metrics: what a request needs while it is answered is not what stays. Printed are its course,
and its slope over the last three quarters of the time, when caches are warm. Fails if the memory
grows, if an answer is none of 200, 429, and 413 for what is too large, or if one does not come.
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
MAX_SLOPE = 0.5  # MiB a minute
ACCEPT = ("application/json", "application/vnd.safetensors", "application/x-ndjson")
CHARACTERS = "我们在吃苹果手机打病毒窗口意思花，。的一是不了人有这 abcdefg0123456789"


class Clients:
    """Threads that ask until they are stopped, or rest while somebody looks.

    Args:
        url: Of the server.

    Attributes:
        answers: How many there were of each status; None for those that did not come.
    """

    def __init__(self, url: str) -> None:
        self.answers: Counter[int | None] = Counter()
        self._url = url
        self._is_over = threading.Event()
        self._may_ask = threading.Event()
        self._may_ask.set()
        self._at_rest = threading.Barrier(CLIENTS + 1)
        self._threads = [
            threading.Thread(target=self._ask, args=[number], daemon=True)
            for number in range(CLIENTS)
        ]
        for thread in self._threads:
            thread.start()

    def pause(self) -> None:
        """Return once every client has its answer and none asks."""
        self._may_ask.clear()
        self._at_rest.wait(PATIENCE_S)

    def go_on(self) -> None:
        """Let them ask again."""
        self._may_ask.set()

    def stop(self) -> None:
        """Return once every client has its last answer."""
        self._is_over.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _ask(self, number: int) -> None:
        chance = random.Random(number)
        with httpx.Client(base_url=self._url, timeout=PATIENCE_S, trust_env=False) as client:
            while not self._is_over.is_set():
                if not self._may_ask.is_set():
                    self._at_rest.wait(PATIENCE_S)
                    self._may_ask.wait(PATIENCE_S)
                path, fields = some_request(chance)
                headers = {"accept": chance.choice(ACCEPT) if path == "/embed" else "*/*"}
                try:
                    status = client.post(path, json=fields, headers=headers).status_code
                except httpx.TransportError:
                    status = None
                self.answers[status] += 1


def main() -> None:
    """Print the memory, its slope and the answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20.0)
    given = parser.parse_args()
    print(provenance(torch.device("cpu")))
    with serving(*SERVICE, "--inspect", "true") as port:
        clients = Clients(f"http://{HOST}:{port}")
        course = list(watch(clients, port, time.monotonic() + 60 * given.minutes))
        clients.stop()
    seconds, memory = np.array(course[len(course) // 4 :]).T
    slope = np.polyfit(seconds / 60, memory, 1)[0]
    for second, mebibytes in course[:: max(1, len(course) // 20)]:
        print(f"{second / 60:6.1f} min {mebibytes:8.1f} MiB")
    print(f"slope {slope:+.3f} MiB a minute; answers {dict(clients.answers)}")
    assert clients.answers.keys() <= {200, 413, 429}, "an answer that is none of those"
    assert slope <= MAX_SLOPE, f"the memory grows by more than {MAX_SLOPE} MiB a minute"


def watch(clients: Clients, port: int, ends: float) -> Iterator[tuple[float, float]]:
    """Seconds since the beginning, and resident memory in MiB while nothing is asked."""
    began = time.monotonic()
    while time.monotonic() < ends:
        time.sleep(EVERY_S)
        clients.pause()
        yield time.monotonic() - began, resident_mib(port)
        clients.go_on()


def some_request(chance: random.Random) -> tuple[str, dict[str, object]]:
    """A path and a body, most of them small and some large."""
    longest = chance.choice([20, 20, 60, 60, 300, 3000])
    number = chance.choice([1, 1, 1, 4, 32]) if longest < 1000 else 1
    texts = [
        "".join(chance.choices(CHARACTERS, k=chance.randint(0, longest))) for _ in range(number)
    ]
    short = texts[0][:100]
    kind = chance.random()
    if kind < 0.1:
        return "/fill", {"text": f"{short}__", "num_pieces": chance.choice([1, 1, 1, 2])}
    if kind < 0.12:
        return "/complete", {"text": short, "strategy": "sample", "seed": chance.randint(0, 9)}
    if kind < 0.14:
        return "/inspect", {"text": short}
    if kind < 0.2:
        return "/similarity", {"word": "苹果", "texts": [*texts, "吃苹果"]}
    if kind < 0.3:
        return "/tokenize", {"texts": texts}
    if kind < 0.4:
        return "/v1/embeddings", {"input": [f"我{text}" for text in texts]}
    return "/embed", vectors_request(chance, texts, is_long=longest >= 1000)


def vectors_request(chance: random.Random, texts: list[str], is_long: bool) -> dict[str, object]:
    """The body of one for vectors; a long answer does not travel as lists."""
    encoding = chance.choice(["json", "base64"]) if not is_long else "base64"
    level = chance.choice(["piece", "char", "text", "word", "span"])
    if level == "word":
        return {"words": [text.split() for text in texts], "encoding": encoding}
    fields: dict[str, object] = {"texts": texts, "level": level, "encoding": encoding}
    if level == "span":
        fields["spans"] = [[[place, place + 1] for place in range(len(text))] for text in texts]
    return fields


if __name__ == "__main__":
    main()
