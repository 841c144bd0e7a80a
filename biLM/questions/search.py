"""Search for probable continuations: greedily, by sampling, or with a beam.

A search is a generator, and its caller runs the model. The search yields what its rows read next;
the caller sends back, for every row, the natural logarithm of the probability of each possible next
piece. So a search can pause after any step, and the tests can run it on models small enough to
enumerate every path.

The log-probability of a path is the sum over its pieces, and over its end if it has reached one:

    log p(x_1 .. x_n) = sum_i log p(x_i | x_1 .. x_i-1)
"""

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Ids = tuple[int, ...]


@dataclass(frozen=True)
class Path:
    """A sequence of pieces.

    Args:
        ids: Their piece ids, without the end.
        log_probability: Natural logarithm of the probability of the pieces, and of the end if it
            follows.
        is_finished: Whether the end follows.
    """

    ids: Ids = ()
    log_probability: float = 0.0
    is_finished: bool = False


class Step(NamedTuple):
    """What the rows read next: row n reads `ids[n]` after row `parents[n]` of the step before."""

    parents: list[int]
    ids: list[int]


@dataclass(frozen=True)
class Rules:
    """The rules that every path follows.

    Args:
        max_pieces: The most pieces a path may have; a path of this length is complete without an
            end.
        end_id: The piece that ends a path early; None if every path has exactly max_pieces pieces.
        may_follow: Takes the ids of a path and the number of pieces that still fit; returns which
            pieces may follow, the end among them where it is allowed.
    """

    max_pieces: int
    end_id: int | None
    may_follow: Callable[[Ids, int], Bool[Tensor, " vocab"]]

    def allowed(self, path: Path, expected: Float[Tensor, " vocab"]) -> Float[Tensor, " vocab"]:
        """Return the log-probabilities after a path, minus infinity for what may not follow."""
        left = self.max_pieces - len(path.ids)
        return expected.masked_fill(~self.may_follow(path.ids, left), -torch.inf)

    def extended(self, path: Path, piece_id: int, log_probability: float) -> Path:
        """Return the path with one more piece, or finished if that piece is the end."""
        total = path.log_probability + log_probability
        if piece_id == self.end_id:
            return Path(path.ids, total, is_finished=True)
        return Path((*path.ids, piece_id), total)

    def is_over(self, path: Path) -> bool:
        """Return whether the path is complete, so that nothing may follow."""
        return path.is_finished or len(path.ids) == self.max_pieces


Search = Generator[Step | None, Tensor, list[Path]]
"""Yields None first, where one row stands at the end of what was read, then steps."""
Choice = Callable[[Float[Tensor, " vocab"]], int]


def greedy(rules: Rules) -> Search:
    """Search for the path that takes the most probable piece at each step."""
    return _follow(rules, [_most_probable])


def sample(rules: Rules, temperature: float, top_k: int, draws: Sequence[Random]) -> Search:
    """Sample one path for each draw; each piece is one of the top_k most probable.

    Piece v is chosen with the probability

        q(v) = p(v) ^ (1 / temperature) / sum over the top_k of the same

    A path depends on its own draw alone, not on the number of draws.
    """
    return _follow(rules, [_Chance(temperature, top_k, draw) for draw in draws])


def beam(rules: Rules, num_beams: int, num_paths: int) -> Search:
    """Search for the most probable paths with a beam; the best comes first.

    Each step extends all paths of the beam by all pieces and keeps the num_beams best; finished
    paths are set aside. A longer path is never more probable, so the search ends when no path of
    the beam can overtake the num_paths best finished ones. If the beam has room for every path, the
    search is exhaustive.

    A plain beam may drop the beginning of the greedy path in favour of paths that end up less
    probable. Here the greedy path always keeps a place, so the best path is never less probable
    than the greedy one.
    """
    live, ended = [Path()], list[Path]()
    greedy_path: Path | None = live[0]  # None once it is complete
    expected = yield None
    while True:
        found = _extensions(rules, live, expected, num_beams)
        # Extensions are sorted by probability: the first of a row has its most probable piece.
        greedy_path = next((path for row, path in found if live[row] == greedy_path), None)
        ended += [path for _, path in found if rules.is_over(path)]
        ended.sort(key=lambda path: -path.log_probability)
        going_on = [(row, path) for row, path in found if not rules.is_over(path)]
        dropped = [(row, path) for row, path in going_on[num_beams:] if path == greedy_path]
        kept = going_on[: num_beams - len(dropped)] + dropped
        live = [path for _, path in kept]
        if _is_settled(ended, live, num_paths):
            return ended[:num_paths]
        expected = yield Step([row for row, _ in kept], [path.ids[-1] for path in live])


def _extensions(
    rules: Rules, live: Sequence[Path], expected: Float[Tensor, "batch vocab"], num_beams: int
) -> list[tuple[int, Path]]:
    """Extend every path by one piece; return rows and new paths, the most probable first.

    Each row contributes only its num_beams best pieces and its end, because no other can be kept.
    """
    found = []
    for row, path in enumerate(live):
        allowed = rules.allowed(path, expected[row])
        best = allowed.topk(min(num_beams + 1, len(allowed))).indices.tolist()
        ends = [] if rules.end_id is None else [rules.end_id]
        # The choice of the greedy search comes first: a stable sort keeps it first among equals.
        for piece_id in dict.fromkeys([_most_probable(allowed), *best, *ends]):
            value = allowed[piece_id].item()
            if value > -torch.inf:
                found.append((row, rules.extended(path, piece_id, value)))
    return sorted(found, key=lambda one: -one[1].log_probability)


def _is_settled(ended: Sequence[Path], live: Sequence[Path], num_paths: int) -> bool:
    """Return whether no live path can still join the num_paths best; `ended` is sorted."""
    best = max((path.log_probability for path in live), default=-math.inf)
    worst = ended[num_paths - 1].log_probability if len(ended) >= num_paths else -math.inf
    return worst >= best


def _follow(rules: Rules, choices: Sequence[Choice]) -> Search:
    """Build one path for each choice, independently of the others."""
    paths = [Path() for _ in choices]
    # The row in `expected` of each path that is not complete.
    rows = dict.fromkeys(range(len(paths)), 0)
    expected = yield None
    while True:
        for number, row in rows.items():
            allowed = rules.allowed(paths[number], expected[row])
            piece_id = choices[number](allowed)
            paths[number] = rules.extended(paths[number], piece_id, allowed[piece_id].item())
        going_on = {number: row for number, row in rows.items() if not rules.is_over(paths[number])}
        if not going_on:
            return paths
        ids = [paths[number].ids[-1] for number in going_on]
        expected = yield Step(list(going_on.values()), ids)
        rows = {number: row for row, number in enumerate(going_on)}


def _most_probable(allowed: Float[Tensor, " vocab"]) -> int:
    return int(allowed.argmax())


@dataclass(frozen=True)
class _Chance:
    """A random choice of the next piece; see `sample`."""

    temperature: float
    top_k: int
    draw: Random

    def __call__(self, allowed: Float[Tensor, " vocab"]) -> int:
        best = allowed.double().topk(min(self.top_k, len(allowed)))
        # With the largest value at 0, the division can only overflow to minus infinity.
        weights = ((best.values - best.values[0]) / self.temperature).exp()
        place = torch.searchsorted(
            weights.cumsum(0), self.draw.random() * weights.sum(), right=True
        )
        return int(best.indices[min(int(place), int((weights > 0).sum()) - 1)])
