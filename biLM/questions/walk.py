"""Read a text and continue it, one piece at a time, with a pause after each step.

Both functions are generators. They yield no values; at each yield their caller may let other work
run, or stop. The result is their return value.
"""

from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from biLM.questions.search import Path, Search
from biLM.reading.stepper import ROWS, States, Stepper, from_rows


class Standing(NamedTuple):
    """The state of every row: the output of its top layer, and the (h, c) that it carries on."""

    top: Float[Tensor, "batch half"]
    states: States


Logits = Callable[[Float[Tensor, "batch half"], int], Float[Tensor, "batch vocab"]]
"""Top states, and how many pieces were written -> logits of the next piece."""


def read(stepper: Stepper, ids: Sequence[int]) -> Generator[None, None, Standing]:
    """Read the same text in every row, and return the state after it.

    Args:
        stepper: The stepper of one direction.
        ids: Piece ids in the reading order of that direction, boundary pieces included; at least
            one.
    """
    standing = Standing(*stepper.step(stepper.start(), [ids[0]] * ROWS))
    for piece_id in ids[1:]:
        yield
        standing = Standing(*stepper.step(standing.states, [piece_id] * ROWS))
    return standing


def follow(
    stepper: Stepper, standing: Standing, logits: Logits, search: Search
) -> Generator[None, None, list[Path]]:
    """Run a search from the state after a text, and return the paths that it finds.

    Args:
        stepper: Reads the pieces that the search chooses.
        standing: The state to begin with, the same in every row.
        logits: Computes the logits of the next piece.
        search: A search that has not begun, and that reads at most ROWS rows.
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
