"""A question about a long text that is read alone, stretch by stretch, with a pause after each.

A long text would keep others waiting for as long as it takes to read. In a pause they can be read.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from jaxtyping import Float
from torch import Tensor

from biLM.artifact import Artifact
from biLM.network.config import BOUNDARY_PIECES
from biLM.questions.question import Cost, Question
from biLM.reading.batch import num_stretches

Answer = TypeVar("Answer")
Read = Callable[[Sequence[int]], Generator[None, None, Float[Tensor, "depth framed dim"]]]
"""The piece ids of a text -> its representations, with a pause after each stretch of it."""


@dataclass(frozen=True)
class Alone(Generic[Answer]):
    """A question that could be answered in a batch, but is answered in steps.

    Args:
        question: The question.
        read: Reads its text.
        artifact: What the answer is made with.
    """

    question: Question[Answer]
    read: Read
    artifact: Artifact

    @property
    def ids(self) -> tuple[int, ...]:
        """The piece ids of the text."""
        return self.question.ids

    @property
    def cost(self) -> Cost:
        """The cost of the question, with stretches in place of pieces in a batch."""
        stretches = num_stretches(len(self.ids) + BOUNDARY_PIECES)
        return self.question.cost._replace(padded_pieces=0, num_stretches=stretches)

    def steps(self) -> Generator[None, None, Answer]:
        """Compute the answer, pausing after each stretch and in making the answer."""
        framed = yield from self.read(self.ids)
        return (yield from self.question.answering(framed, self.artifact))
