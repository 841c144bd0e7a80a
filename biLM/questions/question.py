"""The questions that the encoder answers, each about one text.

Most questions need representations. They run together: the encoder reads their texts in the same
batches, and each question makes its answer from its own rows. Other questions are answered in
steps, each of which needs the one before; they can pause after each step. A long text that is read
alone is such a question, too (`biLM.questions.alone`).
"""

import math
from collections.abc import Generator
from time import perf_counter
from typing import Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from biLM.artifact import Artifact
from biLM.inference import as_inference
from biLM.network.config import BOUNDARY_PIECES
from biLM.reading.batch import STRETCH_COLUMNS, padded_pieces

Answer_co = TypeVar("Answer_co", covariant=True)
# A head computes what it expects in this many places at a time (`biLM.questions.context`).
BLOCK_PLACES = 64
# The gates of a piece have six values for each cell, and half as many cells as a vector has values
# (`biLM.questions.gates`).
GATES_IN_VECTORS = 3


class Cost(NamedTuple):
    """The work that an answer takes, at most.

    Args:
        padded_pieces: Pieces that are read in a batch, counted with their padding.
        num_stretches: Stretches of a long text that is read alone.
        num_context_blocks: Blocks of places for which a head computes what it expects there.
        num_guesses: Guesses for a blank, counted as `GuessesFor` says.
        num_search_steps: Steps of a search, each of which reads a piece in every row of a stepper:
            first the pieces of the text, then those that it writes.
        num_gate_steps: Steps that compute the gates of one layer for one piece.
        stepped_pieces: Pieces of the text and of all that is written, which are read one at a time.
    """

    padded_pieces: int = 0
    num_stretches: int = 0
    num_context_blocks: int = 0
    num_guesses: int = 0
    num_search_steps: int = 0
    num_gate_steps: int = 0
    stepped_pieces: int = 0

    @property
    def pieces_alone(self) -> int:
        """Pieces that are read alone, counted with their padding."""
        return self.num_stretches * STRETCH_COLUMNS

    def kept_vectors(self, num_representations: int) -> int:
        """Return how many vectors are kept in memory, at most, to answer a question in steps.

        The answer itself is not counted. A long text has its representations, and a copy of those
        that the answer is made of. Each place of a context takes less than a vector. Gates have all
        steps in one array, once in the order of reading and once in that of the text.

        Args:
            num_representations: How many representations the model has.
        """
        of_texts = 2 * num_representations * self.pieces_alone
        of_gates = 2 * GATES_IN_VECTORS * self.stepped_pieces if self.num_gate_steps else 0
        return of_texts + BLOCK_PLACES * self.num_context_blocks + of_gates

    def after(self, num_steps: int) -> "Cost":
        """Return what is left of the work after some steps."""
        left = {}
        for kind in STEPS_IN_ORDER:
            number = getattr(self, kind)
            left[kind] = max(0, number - num_steps)
            num_steps = max(0, num_steps - number)
        return self._replace(**left)


# What is done in steps, in the order in which one question does it.
STEPS_IN_ORDER = ("num_stretches", "num_context_blocks", "num_search_steps", "num_gate_steps")


@runtime_checkable
class Question(Protocol[Answer_co]):
    """A text, and how to make the answer from its representations."""

    @property
    def ids(self) -> tuple[int, ...]:
        """The piece ids of the text."""
        ...

    @property
    def cost(self) -> Cost:
        """The work that the answer takes."""
        ...

    def answering(
        self, framed: Float[Tensor, "depth framed dim"], artifact: Artifact
    ) -> Generator[None, None, Answer_co]:
        """Make the answer from the representations of the text and of its two boundary pieces.

        It pauses after each block of places for which a head computes what it expects.
        """
        ...


@runtime_checkable
class Stepped(Protocol[Answer_co]):
    """A question answered in steps: a search, the gates of a layer, or one about a long text."""

    @property
    def ids(self) -> tuple[int, ...]:
        """The piece ids of the text."""
        ...

    @property
    def cost(self) -> Cost:
        """The work that the answer takes, if it takes as many steps as it may."""
        ...

    def steps(self) -> Generator[None, None, Answer_co]:
        """Compute the answer, pausing after each step that its cost counts."""
        ...


class Underway(Generic[Answer_co]):
    """A question that is answered in steps, and how far its answer has come.

    Args:
        question: The question.

    Attributes:
        num_steps: How many steps have been done.
    """

    def __init__(self, question: Stepped[Answer_co]) -> None:
        self._question = question
        self.num_steps = 0
        self._resting: Generator[None, None, Answer_co] | None = None

    @property
    def ids(self) -> tuple[int, ...]:
        """The piece ids of the text."""
        return self._question.ids

    @property
    def cost(self) -> Cost:
        """The work that is left, if the answer takes as many steps as it may."""
        return self._question.cost.after(self.num_steps)

    @as_inference
    def go_on(self, seconds: float) -> Answer_co | None:
        """Work for about this many seconds, at least one step, and return the answer if complete.

        Returns:
            The answer, or None if it is not complete yet.
        """
        until = perf_counter() + seconds
        steps = self._resting or self._question.steps()
        if self._resting is None:  # after an error, the next call begins again
            self.num_steps = 0
        self._resting = None
        try:
            while True:
                next(steps)
                self.num_steps += 1
                if perf_counter() >= until:
                    break
        except StopIteration as end:
            answer: Answer_co = end.value
            return answer
        self._resting = steps
        return None

    def finish(self) -> Answer_co:
        """Work until the answer is complete, and return it."""
        answer = self.go_on(math.inf)
        assert answer is not None, "a pause before the end of time; this is a bug"
        return answer


def finished(steps: Generator[None, None, Answer_co]) -> Answer_co:
    """Take all steps without a pause, and return the answer."""
    try:
        while True:
            next(steps)
    except StopIteration as end:
        answer: Answer_co = end.value
        return answer


def cost_in_batch(ids: tuple[int, ...], num_context_blocks: int = 0, num_guesses: int = 0) -> Cost:
    """Return the cost of a text that is read in a batch with others, and of what follows."""
    return Cost(
        padded_pieces(len(ids) + BOUNDARY_PIECES),
        num_context_blocks=num_context_blocks,
        num_guesses=num_guesses,
    )


def cost_of_search(ids: tuple[int, ...], num_steps: int, num_written: int) -> Cost:
    """Return the cost of reading a text one piece at a time, and of searching from there.

    Args:
        ids: The piece ids of the text.
        num_steps: The largest number of steps that the search may take.
        num_written: The largest number of pieces that it may write, in all rows together.
    """
    return Cost(
        num_search_steps=len(ids) + BOUNDARY_PIECES + num_steps,
        stepped_pieces=len(ids) + num_written,
    )
