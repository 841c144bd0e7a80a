"""The kinds of work that the model does for a question, and what they cost before any was measured.

Whatever is answered in steps takes turns with the batches of texts. Long texts and searches each
have a share of the threads' time, as the batches have.

Texts that are read in a batch are cheaper the more rows it has, so rows have kinds: a text so long
that it is read alone has another price a piece than one that shares a batch with thirty others.
"""

from collections.abc import Mapping
from typing import Literal, get_args

from biLM.questions.question import Cost

Kind = Literal["1 row", "2 rows", "4 rows", "8 rows", "context", "guesses", "search", "gates"]
Work = Mapping[Kind, float]
"""Units of each kind: padded pieces of a batch by its rows, blocks, guesses or steps."""

Share = Literal["batches", "long texts", "searches"]
SHARES: tuple[Share, ...] = get_args(Share)
KINDS_OF_ROWS: Mapping[int, Kind] = {8: "8 rows", 4: "4 rows", 2: "2 rows", 1: "1 row"}
# A batch of more rows than this hardly reads a piece faster.
FULL_ROWS = 8
# A unit of each kind costs as much as this many padded pieces of a full batch; the values were
# measured with zh-small on two cores in float32.
FIRST_COSTS: Mapping[Kind, float] = {"context": 15.0, "guesses": 0.1, "gates": 3.0}


def kind_of_rows(num_rows: int) -> Kind:
    """Return the kind of a batch with this number of rows."""
    return next(kind for rows, kind in KINDS_OF_ROWS.items() if num_rows >= rows)


def batch_share(cost: Cost) -> float:
    """Return the room that a question takes in a micro-batch, in padded pieces.

    The work of making its answer counts as the padded pieces that take as long.

    The first costs decide, and not prices that were learned: a question that one slow moment kept
    out of the batches could never show again how cheap it is there.
    """
    made: dict[Kind, int] = {"context": cost.num_context_blocks, "guesses": cost.num_guesses}
    extras = sum(FIRST_COSTS[kind] * number for kind, number in made.items() if number)
    return cost.padded_pieces + extras


def work_of(cost: Cost, batch_pieces: int) -> Work:
    """Return the work that a question costs.

    Args:
        cost: The cost that the question states.
        batch_pieces: Padded pieces of a micro-batch, which bound how many rows share a batch.
    """
    rows, pieces = max(1, batch_pieces // max(1, cost.padded_pieces)), cost.padded_pieces
    if cost.num_stretches:
        rows, pieces = 1, cost.pieces_alone
    units: dict[Kind, float] = {
        kind_of_rows(rows): pieces,
        "context": cost.num_context_blocks,
        "guesses": cost.num_guesses,
        "search": cost.num_search_steps,
        "gates": cost.num_gate_steps,
    }
    return {kind: number for kind, number in units.items() if number}
