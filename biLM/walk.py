"""A text read and gone on with one piece at a time, with a rest after each step.

Both functions are generators: they yield nothing, but in between, whoever drives them may let
others have their turn, or stop. What they return is what they are for.
"""

from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from biLM.search import Path, Search
from biLM.stepper import ROWS, States, Stepper, from_rows


class Standing(NamedTuple):
    """Where every row stands: its top state, and what it carries on."""

    top: Float[Tensor, "batch half"]
    states: States


Logits = Callable[[Float[Tensor, "batch half"], int], Float[Tensor, "batch vocab"]]
"""Top states, and how many pieces were written -> logits of the next piece."""


def read(stepper: Stepper, ids: Sequence[int]) -> Generator[None, None, Standing]:
    """Read a text, the same in every row.

    Args:
        stepper: Of the direction.
        ids: At least one piece, boundary pieces included, in the order of that direction.
    """
    standing = Standing(*stepper.step(stepper.start(), [ids[0]] * ROWS))
    for piece_id in ids[1:]:
        yield
        standing = Standing(*stepper.step(standing.states, [piece_id] * ROWS))
    return standing


def follow(
    stepper: Stepper, standing: Standing, logits: Logits, search: Search
) -> Generator[None, None, list[Path]]:
    """Let a search go on from where a text has been read.

    Args:
        stepper: What the search reads with.
        standing: Where it begins, the same in every row.
        logits: What is expected.
        search: It has not begun, and reads at most ROWS rows.
    """
    next(search)
    num_rows, written = 1, 0
    while True:
        expected = logits(standing.top, written)[:num_rows].log_softmax(-1)
        try:
            step = search.send(expected)
        except StopIteration as end:
            paths: list[Path] = end.value
            return paths
        assert step is not None, "a search begins once; this is a bug"
        num_rows, written = len(step.ids), written + 1
        unused = ROWS - num_rows
        states = from_rows(standing.states, [*step.parents, *[0] * unused])
        standing = Standing(*stepper.step(states, [*step.ids, *[step.ids[0]] * unused]))
        yield
