"""Measure what the client costs in addition to the service.

python -m benchmarks.client --tasks TASKS

1. One request after the other, each of 320 pieces in ten texts: the median time from the call to
   arrays with the client, the same by JSON (httpx and `numpy.array`), and the service's own time
   that `Server-Timing` reports. Blocks of the three kinds of request take turns.
2. Many texts: texts a second through one `AsyncClient` and through one `Client`, and for comparison
   through bare connections that send the same requests and decode no vectors
   (`benchmarks/load.py`).

Run it with nothing else on the machine; client and service share its cores.
"""

import argparse
import asyncio
import statistics
from collections.abc import Sequence
from pathlib import Path

import httpx
import numpy as np
import torch
from bilm_client import AsyncClient, Client
from bilm_client.connection import IN_FLIGHT
from bilm_client.requests import split
from bilm_client.service import Service

from benchmarks.encoder import some_texts
from benchmarks.load import SAFETENSORS, closed_loop, post
from benchmarks.processes import HOST, SERVICE, serving
from benchmarks.timing import seconds_of
from training.run.provenance import provenance

# The texts of a request, and the pieces of each text.
TEXTS, PIECES = 10, 32
CALLS, TURNS, LOAD_S = 60, 3, 5.0
MAX_TEXTS, REPEATS = 256, 4


def main() -> None:
    """Print both measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=Path, required=True)
    given = parser.parse_args()
    print(provenance(torch.device("cpu")))
    texts = some_texts(given.tasks)
    with serving(*SERVICE) as port, Client(f"http://{HOST}:{port}") as client:
        one_request(client, port, texts)
        many(client, port, texts)


def one_request(client: Client, port: int, texts: Sequence[str]) -> None:
    """Measure a request of 320 pieces, from the call to arrays."""
    ids = [piece for cut in client.tokenize(texts) for piece in cut.ids]
    some = [ids[begin : begin + PIECES] for begin in range(0, TEXTS * PIECES, PIECES)]
    own: list[float] = []
    with httpx.Client(base_url=f"http://{HOST}:{port}", trust_env=False, timeout=60) as http:

        def by_json() -> None:
            answer = http.post("/embed", json={"ids": some, "encoding": "json"})
            for entry in answer.json()["data"]:
                np.array(entry["embedding"], dtype=np.float32)

        def timed() -> None:
            answer = http.post("/embed", json={"ids": some}, headers={"Accept": SAFETENSORS})
            parts = answer.headers["Server-Timing"].split(", ")
            own.append(sum(float(part.partition("dur=")[2]) for part in parts) / 1e3)

        took: dict[str, list[float]] = {"client": [], "json": []}
        for _ in range(TURNS):
            took["client"] += [seconds_of(lambda: client.embed(ids=some)) for _ in range(CALLS)]
            took["json"] += [seconds_of(by_json) for _ in range(CALLS)]
            for _ in range(CALLS):
                timed()
    service = statistics.median(own)
    medians = {name: statistics.median(found) for name, found in took.items()}
    print(
        f"\n{TEXTS * PIECES} pieces to arrays, ms: client {1e3 * medians['client']:.1f}"
        f"   JSON {1e3 * medians['json']:.1f}   service's own time {1e3 * service:.1f}"
    )
    beside = {name: 1e3 * (found - service) for name, found in medians.items()}
    print(
        f"JSON / client {medians['json'] / medians['client']:.1f}"
        f"   beside the service's time, ms: {beside['client']:.1f} and {beside['json']:.1f}"
    )
    print(f"client / service's own time {medians['client'] / service:.2f}")


def many(client: Client, port: int, texts: Sequence[str]) -> None:
    """Measure many texts, in texts a second."""
    texts = list(texts) * REPEATS
    entries = enumerate({"texts": text} for text in texts)
    parts = list(split("/embed", entries, {}, Service(max_texts=MAX_TEXTS)))
    requests = [post("/embed", part.body, SAFETENSORS) for part in parts]
    mean = len(texts) / len(parts)

    async def through_async() -> None:
        async with AsyncClient(f"http://{HOST}:{port}") as one:
            await one.embed(texts)

    best = dict.fromkeys(("bare connections", "AsyncClient", "Client"), 0.0)
    for _ in range(TURNS):
        load = asyncio.run(closed_loop(port, requests, IN_FLIGHT, LOAD_S))
        rates = {
            "bare connections": load.rate * mean,
            "AsyncClient": len(texts) / seconds_of(lambda: asyncio.run(through_async())),
            "Client": len(texts) / seconds_of(lambda: client.embed(texts)),
        }
        best = {name: max(best[name], rate) for name, rate in rates.items()}
    print(f"\n{len(texts)} texts in {len(parts)} requests, {IN_FLIGHT} at a time; texts/s")
    for name, rate in best.items():
        print(f"{name:18} {rate:8,.0f}   {rate / best['bare connections']:.2f}")


if __name__ == "__main__":
    main()
