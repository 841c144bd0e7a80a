"""Measure what searches cost, and how much they slow down other requests.

python -m benchmarks.searches models/zh-small

The first part prints the milliseconds of a completion and of a phrase, on one core. The second part
runs the service in this process, with a thread for each core. It prints how long a text takes
beside as many endless searches as there are threads: once with turns as they are, and once without
turns, where a search is not put back before it is over.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from statistics import quantiles

import httpx
import torch

from benchmarks.timing import seconds_of
from biLM.encoder import Encoder
from biLM.questions.completions import Beam, Greedy, Sampling, Strategy
from biLM.reading.precision import fastest_precision
from service.app import create_app
from service.engine import Engine
from service.settings import Settings
from training.run.provenance import provenance

TEXT = "我在用苹果手机"
BLANK = "我昨天在____吃了一个苹果。"
STRATEGIES: tuple[Strategy, ...] = (
    Greedy(),
    Sampling(num_completions=16),
    Beam(4, 4),
    Beam(16, 16),
)
RUNS = 7
MAX_PIECES = 20
NUM_TEXTS = 100
LONGEST = {"text": TEXT, "max_pieces": 31, "strategy": "sample", "num_completions": 16}


def main() -> None:
    """Print both parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artifact", type=Path)
    given = parser.parse_args()
    print(provenance(torch.device("cpu")))
    torch.set_num_threads(1)
    show_costs(Encoder.load(given.artifact, fastest_precision()))
    asyncio.run(show_neighbours(given.artifact))


def show_costs(encoder: Encoder) -> None:
    """Print the milliseconds of each kind of search, the best of some runs."""
    print(f"\none core, {encoder.precision}: ms, the best of {RUNS}")
    for strategy in STRATEGIES:
        found = encoder.complete(TEXT, strategy, MAX_PIECES)
        longest = max(len(one.ids) for one in found)
        shown = _best_ms(lambda strategy=strategy: encoder.complete(TEXT, strategy, MAX_PIECES))
        print(f"{shown:8.1f}   {strategy}, up to {longest} pieces")
    for num_pieces in (1, 2, 4, 6):
        shown = _best_ms(lambda number=num_pieces: encoder.fill(BLANK, num_pieces=number))
        print(f"{shown:8.1f}   a blank of {num_pieces}")
    begin = TEXT * 20
    length = len(encoder.pieces(begin).ids)
    shown = _best_ms(lambda: encoder.complete(begin, Greedy(), 1))
    print(f"{shown:8.1f}   one piece after a text of {length}")


async def show_neighbours(artifact: Path) -> None:
    """Print the milliseconds of a text alone, and beside searches with and without turns.

    All requests come from this process, which takes a share of the cores, too.
    """
    print("\n/embed of one short text over the app: ms at the quantiles 0.5, 0.9 and 0.99")
    async with _app(artifact, with_turns=True) as client:
        await _show(client, "alone")
        async with _searching(client):
            await _show(client, "beside searches, turns")
    async with _app(artifact, with_turns=False) as client, _searching(client):
        await _show(client, "beside searches, no turns")


async def _show(client: httpx.AsyncClient, where: str) -> None:
    found = []
    for _ in range(NUM_TEXTS):
        answer = await client.post("/embed", json={"texts": TEXT})
        assert answer.status_code == 200, answer.text
        found.append(answer.elapsed.total_seconds() * 1000)
    centiles = quantiles(found, n=100)
    print(f"{centiles[49]:8.1f} {centiles[89]:8.1f} {centiles[98]:8.1f}   {where}", flush=True)


@asynccontextmanager
async def _app(artifact: Path, with_turns: bool) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(model=artifact)

    def load() -> Engine:
        engine = Engine.load(settings)
        return engine if with_turns else replace(engine, turn_s=float("inf"))

    app = create_app(settings, load)
    async with app.router.lifespan_context(app):
        await app.state.runtime.batcher.started
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            yield client


@asynccontextmanager
async def _searching(client: httpx.AsyncClient) -> AsyncIterator[None]:
    """Keep as many searches running as there are threads, until the block ends."""

    async def search() -> None:
        while True:
            await client.post("/complete", json=LONGEST)

    info = (await client.get("/info")).json()
    searches = [asyncio.create_task(search()) for _ in range(info["limits"]["threads"] or 2)]
    try:
        yield
    finally:
        for one in searches:
            one.cancel()
        await asyncio.gather(*searches, return_exceptions=True)


def _best_ms(action: Callable[[], object]) -> float:
    return min(seconds_of(action) for _ in range(RUNS)) * 1000


if __name__ == "__main__":
    main()
