"""The questions that the encoder answers, each about one text.

Most questions need representations. They run together: the encoder reads their texts in the same
batches, and each question makes its answer from its own rows. Other questions are answered in
steps, each of which needs the one before; they can pause after each step.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass
from time import perf_counter
from typing import Generic, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from biLM.artifact import Artifact
from biLM.network.config import BOUNDARY_PIECES
from biLM.reading.batch import padded_pieces
from biLM.reading.stepper import ROWS

Answer_co = TypeVar("Answer_co", covariant=True)


@dataclass(frozen=True)
class Cost:
    """The work that an answer takes, at most.

    Args:
        padded_pieces: Pieces that are read before the first step, counted with the padding of a
            batch or in every row of a stepper.
        num_search_steps: Steps of a search, each of which reads a piece in every row of a stepper.
        num_gate_steps: Steps that compute the gates of one layer for one piece.
        stepped_pieces: Pieces of the text and of all that is written, which are read one at a time.
    """

    padded_pieces: int = 0
    num_search_steps: int = 0
    num_gate_steps: int = 0
    stepped_pieces: int = 0


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

    def answer(self, framed: Float[Tensor, "depth framed dim"], artifact: Artifact) -> Answer_co:
        """Make the answer from the representations of the text and of its two boundary pieces."""
        ...


@runtime_checkable
class Stepped(Protocol[Answer_co]):
    """A question answered in steps: completions, phrases for a blank, or the gates of a layer."""

    @property
    def ids(self) -> tuple[int, ...]:
        """The piece ids of the text, which are read one at a time."""
        ...

    @property
    def cost(self) -> Cost:
        """The work that the answer takes, if it takes as many steps as it may."""
        ...

    def steps(self) -> Generator[None, None, Answer_co]:
        """Compute the answer, pausing after each piece of the text and after each step."""
        ...


class Underway(Generic[Answer_co]):
    """A question that is answered in steps, and how far its answer has come.

    Args:
        question: The question.
    """

    def __init__(self, question: Stepped[Answer_co]) -> None:
        self._question = question
        self._resting: Generator[None, None, Answer_co] | None = None

    @property
    def ids(self) -> tuple[int, ...]:
        """The piece ids of the text."""
        return self._question.ids

    @property
    def cost(self) -> Cost:
        """The work that the whole answer takes, whatever has been done of it."""
        return self._question.cost

    @torch.inference_mode()
    def go_on(self, seconds: float) -> Answer_co | None:
        """Work for about so many seconds, one step at least, and return the answer if complete.

        Returns:
            The answer, or None if it is not complete yet.
        """
        until = perf_counter() + seconds
        steps = self._resting or self._question.steps()
        self._resting = None  # after an error, the next call begins again
        try:
            next(steps)
            while perf_counter() < until:
                next(steps)
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


def cost_in_batch(ids: tuple[int, ...]) -> Cost:
    """Return the cost of a text that is read in a batch with others."""
    return Cost(padded_pieces(len(ids) + BOUNDARY_PIECES))


def cost_of_search(ids: tuple[int, ...], num_steps: int, num_written: int) -> Cost:
    """Return the cost of reading a text in every row of a stepper, and of searching from there.

    Args:
        ids: The piece ids of the text.
        num_steps: The largest number of steps that the search may take.
        num_written: The largest number of pieces that it may write, in all rows together.
    """
    return Cost(
        padded_pieces=(len(ids) + BOUNDARY_PIECES) * ROWS,
        num_search_steps=num_steps,
        stepped_pieces=len(ids) + num_written,
    )
