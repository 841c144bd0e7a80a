"""Measure whether the memory of a server stays flat under mixed load.

python -m benchmarks.soak --minutes 20 [--hostile]

A real process serves the shipped model on the loopback. Each client sends its next request as soon
as it has a response: random texts of random lengths, on every path, at every level and in every
form. Every 15 seconds the clients pause. Once nothing is in flight, the resident memory is read
from the server's own metrics, so that the memory a request needs while it is answered does not
count. The program prints the course of the memory, and its slope over the last three quarters of
the time, when the caches are warm. It fails if the memory grows, if a response is missing, or if
its status is not 200, 429, or 413 for a request that is too large. With --hostile, a further
thread misuses the service in each of the ways that its limits guard against
(`benchmarks/hostile.py`). The time that /livez takes is printed; the clients, which share the
cores, make it longer.
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

from benchmarks.hostile import Hostile
from benchmarks.processes import HOST, PATIENCE_S, SERVICE, resident_mib, serving
from training.run.provenance import provenance

CLIENTS = 8
EVERY_S, LEFT_S, PROBE_EVERY_S = 15.0, 3.0, 0.25
# With these limits the service often ends a connection that is silent or slow.
IMPATIENT = ("--head-s", "3", "--body-s", "3", "--unread-s", "3")
# The largest growth of the memory, in MiB a minute.
MAX_SLOPE = 0.5
ACCEPT = ("application/json", "application/vnd.safetensors", "application/x-ndjson")
CHARACTERS = "我们在吃苹果手机打病毒窗口意思花，。的一是不了人有这 abcdefg0123456789"


class Clients:
    """Threads that send requests until they are stopped, and that can be paused.

    Args:
        url: URL of the server.

    Attributes:
        answers: The number of responses with each status; None counts those that did not come.
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
        """Stop sending requests, and return once every client has its response."""
        self._may_ask.clear()
        self._at_rest.wait(PATIENCE_S)

    def go_on(self) -> None:
        """Let the clients send requests again."""
        self._may_ask.set()

    def stop(self) -> None:
        """End the clients, and return once each has its last response."""
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


class Probes:
    """A thread that requests /livez, as an orchestrator does, and measures the time.

    Attributes:
        seconds: How long each response took.
    """

    def __init__(self, port: int) -> None:
        self.seconds: list[float] = []
        self._url = f"http://{HOST}:{port}/livez"
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._is_over.set()
        self._thread.join()

    def _ask(self) -> None:
        with httpx.Client(timeout=PATIENCE_S, trust_env=False) as client:
            while not self._is_over.wait(PROBE_EVERY_S):
                began = time.monotonic()
                client.get(self._url).raise_for_status()
                self.seconds.append(time.monotonic() - began)


def main() -> None:
    """Print the memory, its slope and the number of responses by status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--hostile", action="store_true", help="with clients that mean harm")
    given = parser.parse_args()
    print(provenance(torch.device("cpu")))
    with serving(*SERVICE, "--inspect", "true", *IMPATIENT) as port:
        clients = Clients(f"http://{HOST}:{port}")
        hostile = Hostile(port) if given.hostile else None
        probes = Probes(port)
        course = list(watch(clients, hostile, port, time.monotonic() + 60 * given.minutes))
        probes.stop()
        if hostile:
            hostile.stop()
            print(f"acts {dict(hostile.acts)}")
        clients.stop()
    seconds, memory = np.array(course[len(course) // 4 :]).T
    slope = np.polyfit(seconds / 60, memory, 1)[0]
    for second, mebibytes in course[:: max(1, len(course) // 20)]:
        print(f"{second / 60:6.1f} min {mebibytes:8.1f} MiB")
    print(f"slope {slope:+.3f} MiB a minute; answers {dict(clients.answers)}")
    waits = 1e3 * np.quantile(probes.seconds, [0.5, 0.99, 1])
    print("/livez: {:.1f} ms, 99 % within {:.1f}, the slowest {:.1f}".format(*waits))
    assert clients.answers.keys() <= {200, 413, 429}, "an answer that is none of those"
    assert slope <= MAX_SLOPE, f"the memory grows by more than {MAX_SLOPE} MiB a minute"


def watch(
    clients: Clients, hostile: Hostile | None, port: int, ends: float
) -> Iterator[tuple[float, float]]:
    """Yield the seconds since the start, and the resident memory in MiB while the clients pause."""
    began = time.monotonic()
    while time.monotonic() < ends:
        time.sleep(EVERY_S)
        clients.pause()
        if hostile:
            hostile.pause()
            time.sleep(LEFT_S)  # for searches that had begun
        yield time.monotonic() - began, resident_mib(port)
        if hostile:
            hostile.go_on()
        clients.go_on()


def some_request(chance: random.Random) -> tuple[str, dict[str, object]]:
    """Return a random path and body; most bodies are small, some large."""
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
    """Return the body of a request for vectors; a long response is not sent as JSON lists."""
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
