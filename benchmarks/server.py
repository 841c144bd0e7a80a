"""Measure the service under load, and compare it with the encoder and with two other servers.

python -m benchmarks.server --tasks TASKS [--infinity PATH/infinity_emb --bert FOLDER]

All servers start once. This process sends them requests in turns, over the loopback:

1. 64 clients send texts of 20 to 60 characters, one per request. Reported are the texts per second,
   and their ratio to what the encoder reaches in this process on the same texts, 64 at a time. The
   ten-line server is `benchmarks/ten_lines.py`. infinity, with its default settings, serves
   sentence vectors of a BERT of random weights (`benchmarks/random_bert.py`); it is compared with
   `/v1/embeddings` of the service. The service reads in its fastest precision, the ten-line server
   in float32.
2. One client sends one text of 12 characters. Reported is the time that the service adds to the
   call of the encoder in this process.
3. For each size of request and form of response, an open loop sends requests at 50, 80 and 120 % of
   the capacity.

Run it with nothing else on the machine; clients and servers share its cores.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import torch

from benchmarks.encoder import short_texts, some_texts
from benchmarks.load import SAFETENSORS, Load, closed_loop, open_loop, post
from benchmarks.processes import LISTENING, SERVICE, serving
from benchmarks.timing import seconds_of
from biLM.encoder import Encoder
from biLM.questions.readout import Readout
from biLM.reading.precision import fastest_precision
from training.run.provenance import provenance

ARTIFACT = Path("models/zh-small")
CLIENTS = 64
TURNS, TURN_S = 3, 5.0
CAPACITY_S, LOAD_S = 3.0, 5.0
SHARES = (0.5, 0.8, 1.2)
# Each size is the number of texts in a request and the number of characters in a text.
SIZES = ((1, 12), (1, 64), (32, 64), (256, 32))
FORMS = {
    "json": ({"encoding": "json"}, "application/json"),
    "base64": ({}, "application/json"),
    "safetensors": ({}, SAFETENSORS),
}
CALLS = 300


def main() -> None:
    """Run and print the three parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=Path, required=True)
    parser.add_argument("--infinity", type=Path, help="the program infinity_emb")
    parser.add_argument("--bert", type=Path, help="the model it serves")
    given = parser.parse_args()
    print(provenance(torch.device("cpu")))
    encoder = Encoder.load(ARTIFACT, fastest_precision())
    encoder.warm_up()
    with ExitStack() as servers:
        ports = {
            "service": servers.enter_context(serving(*SERVICE)),
            "ten lines": servers.enter_context(
                serving(
                    sys.executable, "-m", "uvicorn", "benchmarks.ten_lines:app", ready=LISTENING
                )
            ),
        }
        if given.infinity:
            options = ["--model-id", str(given.bert), "--engine", "torch", "--device", "cpu"]
            command = [str(given.infinity), "v2", *options, "--no-bettertransformer"]
            ports["infinity"] = servers.enter_context(serving(*command, ready=LISTENING))
        crowd(encoder, ports, short_texts(given.tasks), given.bert)
        one_text(encoder, ports["service"])
        loads(ports["service"], "".join(some_texts(given.tasks)))


def crowd(encoder: Encoder, ports: dict[str, int], texts: Sequence[str], bert: Path | None) -> None:
    """Print the rates for 64 clients, and the rate of the encoder alone."""
    vectors = {"model": encoder.artifact.id, "encoding_format": "base64"}
    asked = {
        f"service, {form}": (
            "service",
            [post("/embed", {"texts": t, **more}, accept) for t in texts],
        )
        for form, (more, accept) in FORMS.items()
    }
    asked["ten lines"] = "ten lines", [post("/embed", {"texts": [text]}) for text in texts]
    asked["service, /v1/embeddings"] = (
        "service",
        [post("/v1/embeddings", {**vectors, "input": text}) for text in texts],
    )
    if bert:
        name = {**vectors, "model": str(bert)}
        asked["infinity"] = (
            "infinity",
            [post("/embeddings", {**name, "input": [text]}) for text in texts],
        )
    rates: dict[str, list[float]] = {name: [] for name in [*asked, "encoder"]}
    for turn in range(TURNS + 1):  # the first turn warms up
        rates["encoder"].append(texts_per_s(encoder, texts))
        for name, (server, requests) in asked.items():
            load = asyncio.run(closed_loop(ports[server], requests, CLIENTS, TURN_S))
            assert turn == 0 or set(load.statuses) == {200}, load.statuses
            rates[name].append(load.rate)
    best = {name: max(found[1:]) for name, found in rates.items()}
    print(f"\n{CLIENTS} clients, a text of 20 to 60 characters each; texts/s, best of {TURNS}")
    for name, rate in best.items():
        print(f"{name:24} {rate:8,.0f}   of the encoder {rate / best['encoder']:.2f}")
    for form in FORMS:
        print(f"service, {form} / ten lines {best[f'service, {form}'] / best['ten lines']:.1f}")
    if bert:
        print(f"/v1/embeddings / infinity {best['service, /v1/embeddings'] / best['infinity']:.1f}")


def texts_per_s(encoder: Encoder, texts: Sequence[str]) -> float:
    """Return the rate of the encoder in this process, with as many texts at a time as clients."""
    readout, began, done = Readout(encoder.mix("default")), time.perf_counter(), 0
    while time.perf_counter() - began < TURN_S:
        some = [encoder.pieces(texts[(done + n) % len(texts)]) for n in range(CLIENTS)]
        encoder.embed(some, [readout] * len(some))
        done += CLIENTS
    return done / (time.perf_counter() - began)


def one_text(encoder: Encoder, port: int) -> None:
    """Print how much time the service adds for one short text."""
    text = "我在超市买了一个红苹果。"
    request = post("/embed", {"texts": text}, SAFETENSORS)
    readout = [Readout(encoder.mix("default"))]

    def call() -> None:
        encoder.embed([encoder.pieces(text)], readout)

    in_process, over_http = [], []
    for _ in range(3):
        in_process += [seconds_of(call) for _ in range(CALLS)]
        load = asyncio.run(closed_loop(port, [request], 1, 2.0))
        over_http += load.latencies
    one, other = (1e3 * statistics.median(found) for found in (in_process, over_http))
    print(f"\none text of {len(text)} characters, p50: in process {one:.2f} ms")
    print(f"service {other:.2f} ms; it adds {other - one:.2f} ms")


def loads(port: int, characters: str) -> None:
    """Print each size in each form at each share of its capacity."""
    print("\ntexts x characters, form: capacity; share of it: p50, p95, p99 ms, statuses")
    for number, length in SIZES:
        texts = [characters[start : start + length] for start in range(0, 40 * length, length)]
        for form, (more, accept) in FORMS.items():
            bodies = [[texts[(r + t) % 40] for t in range(number)] for r in range(40)]
            requests = [post("/embed", {"texts": body, **more}, accept) for body in bodies]
            clients = CLIENTS if number == 1 else 4
            found = asyncio.run(closed_loop(port, requests, clients, CAPACITY_S))
            capacity = found.rate
            print(f"{number} x {length}, {form}: {capacity * number:,.0f} texts/s")
            if not capacity:  # the service refuses to answer with this much JSON
                print(f"    {dict(found.statuses)}")
            for share in SHARES if capacity else ():
                load = asyncio.run(open_loop(port, requests, share * capacity, LOAD_S))
                print(f"    {share:.0%} {described(load)}", flush=True)


def described(load: Load) -> str:
    """Return the latencies and statuses of a load as one line."""
    quantiles = " ".join(f"{ms:8.1f}" for ms in load.quantiles())
    return f"{quantiles}   {dict(sorted(load.statuses.items()))}"


if __name__ == "__main__":
    main()
