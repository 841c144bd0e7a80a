"""Measure how fast this machine reads, and correct the measured speed once all shapes are proved.

The first speed is measured before the service is ready, in the one shape that needs no proof. The
last steps of the proof read some texts in that shape and in the proved ones, by turns. The first
speed times the gain is the speed from then on.
"""

import math
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass
from time import perf_counter

import torch

from biLM.encoder import Encoder
from biLM.network.config import BOUNDARY_PIECES
from biLM.questions.completions import Beam
from biLM.questions.question import Cost
from biLM.reading.stepper import ROWS

from .costs import FIRST_COSTS, FULL_ROWS, KINDS_OF_ROWS, Kind

TIMED_COLUMNS = 16
# A micro-batch of more pieces than this is hardly read faster.
FULL_PIECES = 512
# A text that is read alone is measured with this many columns.
ALONE_COLUMNS = 64
TIMED_RUNS = 3
TIMED_STEPS = 8


@dataclass(frozen=True)
class ShapesProof:
    """The proof of an encoder's shapes, as a question that is answered in steps.

    The encoder uses each shape as soon as it is proved to give a text the same bits. The answer is
    a factor: how many times as fast texts are read at the end.

    Args:
        encoder: The encoder whose shapes are proved.
        batch_pieces: Padded pieces of a micro-batch, at most.
    """

    encoder: Encoder
    batch_pieces: int

    @property
    def ids(self) -> tuple[int, ...]:
        """An empty tuple, because no text of a caller is read."""
        return ()

    @property
    def cost(self) -> Cost:
        """A cost of nothing, because no caller waits for the proof."""
        return Cost()

    def steps(self) -> Generator[None, None, float]:
        """Compute the answer, pausing after each call of a layer."""
        before = copy(self.encoder)  # It has the same weights, and keeps the present shapes.
        yield from self.encoder.prove()
        texts = _timed_texts(self.batch_pieces)
        seconds: tuple[list[float], list[float]] = [], []
        for _ in range(TIMED_RUNS):  # by turns, so that a busy moment slows both
            for encoder, taken in zip((before, self.encoder), seconds, strict=True):
                begin = perf_counter()
                encoder.represent(texts)
                taken.append(perf_counter() - begin)
                yield
        slower, faster = map(min, seconds)
        return slower / faster


def first_prices(encoder: Encoder, batch_pieces: int, num_threads: int) -> dict[Kind, float]:
    """Measure the price of each kind of work; what is not measured follows from a piece's price.

    Returns:
        Seconds that a thread needs for a unit of each kind, while every thread reads.
    """
    full, alone = _full_price(encoder, batch_pieces, num_threads), _price_alone(encoder)
    prices: dict[Kind, float] = {kind: cost * full for kind, cost in FIRST_COSTS.items()}
    for rows, kind in KINDS_OF_ROWS.items():
        # From one row to a full batch the price falls by the same factor with each doubling.
        share = math.log(FULL_ROWS / rows, FULL_ROWS)
        prices[kind] = full ** (1 - share) * alone**share
    prices["search"] = measured_step_s(encoder)
    return prices


def _full_price(encoder: Encoder, batch_pieces: int, num_threads: int) -> float:
    texts = _timed_texts(batch_pieces)
    num_batches = TIMED_RUNS * num_threads
    with ThreadPoolExecutor(num_threads, "measuring", initializer=use_one_core) as threads:
        begin = perf_counter()
        list(threads.map(encoder.represent, [texts] * num_batches))
        seconds = perf_counter() - begin
    return seconds * num_threads / (num_batches * len(texts) * TIMED_COLUMNS)


def _price_alone(encoder: Encoder) -> float:
    seconds = []
    for _ in range(TIMED_RUNS):
        begin = perf_counter()
        encoder.represent([[0] * (ALONE_COLUMNS - BOUNDARY_PIECES)])
        seconds.append(perf_counter() - begin)
    return min(seconds) / ALONE_COLUMNS


def measured_step_s(encoder: Encoder) -> float:
    """Return the median seconds of a search's step in which all rows are in use."""
    underway = encoder.completions_for("", Beam(ROWS, ROWS), TIMED_STEPS)
    seconds, is_over = [], False
    while not is_over:
        begin = perf_counter()
        is_over = underway.go_on(0.0) is not None
        seconds.append(perf_counter() - begin)
    return sorted(seconds)[len(seconds) // 2]


def use_one_core() -> None:
    """Make the calling thread compute on one core; docs/decisions/0036 has the reason."""
    torch.set_num_threads(1)  # per thread in OpenMP
    if torch.get_num_interop_threads() != 1:
        torch.set_num_interop_threads(1)  # torch allows it once a process


def _timed_texts(batch_pieces: int) -> list[list[int]]:
    text = [0] * (TIMED_COLUMNS - BOUNDARY_PIECES)
    return [text] * (min(FULL_PIECES, batch_pieces) // TIMED_COLUMNS)
