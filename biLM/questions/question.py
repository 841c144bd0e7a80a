"""The questions that the encoder answers, each about one text.

Most questions need representations. They run together: the encoder reads their texts in the same
batches, and each question makes its answer from its own rows. Other questions are answered in
steps, each of which needs the one before; they can pause after each step.
"""

from collections.abc import Generator
from time import perf_counter
from typing import Generic, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from biLM.artifact import Artifact

Answer_co = TypeVar("Answer_co", covariant=True)


@runtime_checkable
class Question(Protocol[Answer_co]):
    """A text, and how to make the answer from its representations."""

    @property
    def ids(self) -> tuple[int, ...]:
        """The piece ids of the text."""
        ...

    def answer(self, framed: Float[Tensor, "depth framed dim"], artifact: Artifact) -> Answer_co:
        """Make the answer from the representations of the text and of its two boundary pieces."""
        ...


@runtime_checkable
class Stepped(Protocol[Answer_co]):
    """A question answered in steps: completions, phrases for a blank, or the gates of a layer."""

    @property
    def ids(self) -> tuple[int, ...]:
        """The piece ids of the text, which are read one at a time before the steps."""
        ...

    @property
    def num_steps(self) -> int:
        """The largest number of steps that the answer may take."""
        ...

    @property
    def stepped_pieces(self) -> int:
        """The largest number of pieces that may be read one at a time, in all rows together."""
        ...

    def steps(self) -> Generator[None, None, Answer_co]:
        """Compute the answer, pausing after each piece of the text and after each step."""
        ...


class Underway(Generic[Answer_co]):
    """A question that is answered in steps, and how far its answer has come.

    Args:
        asked: The question.
    """

    def __init__(self, asked: Stepped[Answer_co]) -> None:
        self.asked = asked
        self._resting: Generator[None, None, Answer_co] | None = None

    @property
    def ids(self) -> tuple[int, ...]:
        """The piece ids of the text."""
        return self.asked.ids

    @torch.inference_mode()
    def go_on(self, seconds: float) -> Answer_co | None:
        """Work for about so many seconds, one step at least, and return the answer if complete.

        Returns:
            The answer, or None if it is not complete yet.
        """
        until = perf_counter() + seconds
        steps = self._resting or self.asked.steps()
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
