"""Searches for what a language model goes on with: greedily, by chance, and with a beam.

A search is a generator, and whoever drives it is the model. It yields what its rows read next and
is sent, for every row, the natural logarithm of the probability of each piece to follow. So a
search may rest after any step, and is tested on models small enough to look at everything.

The log-probability of a path is that of its pieces, and of its end if it has come to one:

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
    """Pieces, one after the other.

    Args:
        ids: Their piece ids.
        log_probability: Natural logarithm, of the pieces and of the end.
        is_finished: Whether the end follows.
    """

    ids: Ids = ()
    log_probability: float = 0.0
    is_finished: bool = False


class Step(NamedTuple):
    """What is read next: row n goes on from row `parents[n]` of the step before with `ids[n]`."""

    parents: list[int]
    ids: list[int]


@dataclass(frozen=True)
class Rules:
    """What a path may be.

    Args:
        max_pieces: How long; the end does not count, but must come before.
        end_id: What ends a path before that; None where all have exactly max_pieces.
        may_follow: Which pieces may follow some, and how many pieces there is room for; the end,
            where it may come, is one of them.
    """

    max_pieces: int
    end_id: int | None
    may_follow: Callable[[Ids, int], Bool[Tensor, " vocab"]]

    def allowed(self, path: Path, expected: Float[Tensor, " vocab"]) -> Float[Tensor, " vocab"]:
        """What is expected after a path, minus infinity where it may not follow."""
        left = self.max_pieces - len(path.ids)
        return expected.masked_fill(~self.may_follow(path.ids, left), -torch.inf)

    def extended(self, path: Path, piece_id: int, log_probability: float) -> Path:
        """A path and one piece more, or its end."""
        total = path.log_probability + log_probability
        if piece_id == self.end_id:
            return Path(path.ids, total, is_finished=True)
        return Path((*path.ids, piece_id), total)

    def is_over(self, path: Path) -> bool:
        """Whether nothing may follow a path."""
        return path.is_finished or len(path.ids) == self.max_pieces


Search = Generator[Step | None, Tensor, list[Path]]
"""Yields None first, where one row stands at the end of what was read, then steps."""
Choice = Callable[[Float[Tensor, " vocab"]], int]


def greedy(rules: Rules) -> Search:
    """The path that takes the most probable piece each time."""
    return _follow(rules, [_most_probable])


def sample(rules: Rules, temperature: float, top_k: int, draws: Sequence[Random]) -> Search:
    """A path for each draw, by chance among the top_k most probable pieces.

        q(v) = p(v) ^ (1 / temperature) / sum over the top_k of the same

    A path depends on its own draw alone, not on how many there are.
    """
    return _follow(rules, [_Chance(temperature, top_k, draw) for draw in draws])


def beam(rules: Rules, num_beams: int, num_paths: int) -> Search:
    """The most probable paths that a beam finds, the best first.

    Each step extends all paths of the beam by all pieces and keeps the num_beams best; those that
    end stand aside. It is over when no path of the beam can overtake the num_paths best of them,
    for a longer path is never more probable. With room for all paths nothing is lost, and the
    search is exhaustive.

    A plain beam may drop the beginning of the greedy path for others that come to a worse end.
    Here that path keeps a place, so that no answer is ever less probable than the greedy one.
    """
    live, ended = [Path()], list[Path]()
    greedy_path: Path | None = live[0]  # None once it is over
    expected = yield None
    while True:
        found = _extensions(rules, live, expected, num_beams)
        # They are in order of probability: the first of a row is its most probable piece.
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
    """Every path by one piece more, with the row it comes from, the most probable first.

    Of a row its num_beams best pieces and its end, for no other could be kept.
    """
    found = []
    for row, path in enumerate(live):
        allowed = rules.allowed(path, expected[row])
        best = allowed.topk(min(num_beams + 1, len(allowed))).indices.tolist()
        ends = [] if rules.end_id is None else [rules.end_id]
        # First what the greedy search takes, for a sort leaves equals in their order.
        for piece_id in dict.fromkeys([_most_probable(allowed), *best, *ends]):
            value = allowed[piece_id].item()
            if value > -torch.inf:
                found.append((row, rules.extended(path, piece_id, value)))
    return sorted(found, key=lambda one: -one[1].log_probability)


def _is_settled(ended: Sequence[Path], live: Sequence[Path], num_paths: int) -> bool:
    """Whether no path that goes on can come to be among the num_paths best; `ended` is in order."""
    best = max((path.log_probability for path in live), default=-math.inf)
    worst = ended[num_paths - 1].log_probability if len(ended) >= num_paths else -math.inf
    return worst >= best


def _follow(rules: Rules, choices: Sequence[Choice]) -> Search:
    """A path for each choice, none of which looks at another."""
    paths = [Path() for _ in choices]
    rows = dict.fromkeys(range(len(paths)), 0)  # of each path that goes on, in what is expected
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
    """A choice by chance; see `sample`."""

    temperature: float
    top_k: int
    draw: Random

    def __call__(self, allowed: Float[Tensor, " vocab"]) -> int:
        best = allowed.double().topk(min(self.top_k, len(allowed)))
        # The largest becomes 0 before the division, which may then overflow to minus infinity.
        weights = ((best.values - best.values[0]) / self.temperature).exp()
        place = torch.searchsorted(
            weights.cumsum(0), self.draw.random() * weights.sum(), right=True
        )
        return int(best.indices[min(int(place), int((weights > 0).sum()) - 1)])
