"""What is asked about a text: its piece ids, and what to make of them.

Most questions need representations. They run together: the encoder reads their texts in the same
batches and lets each make its answer of its own rows. Others are answered in steps, each of which
needs the one before; they can rest after each.
"""

from collections.abc import Generator
from dataclasses import dataclass
from time import perf_counter
from typing import Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from biLM.artifact import Artifact
from biLM.context import contexts
from biLM.fill import Blank, Expected, most_probable
from biLM.passage import Passage
from biLM.readout import Readout, read_out
from biLM.tokenizer import Tokenizer

Answer_co = TypeVar("Answer_co", covariant=True)
Guesses = dict[str, tuple[Expected, ...]]


@runtime_checkable
class Question(Protocol[Answer_co]):
    """A text and what is wanted of it."""

    @property
    def ids(self) -> tuple[int, ...]:
        """Its piece ids."""
        ...

    def answer(self, framed: Float[Tensor, "depth framed dim"], artifact: Artifact) -> Answer_co:
        """What is made of the representations of the text and of its two boundary pieces."""
        ...


@dataclass(frozen=True)
class VectorsOf:
    """The vectors of a text, read out as the readout says."""

    passage: Passage
    readout: Readout

    @property
    def ids(self) -> tuple[int, ...]:
        """Of the passage."""
        return self.passage.ids

    def answer(
        self, framed: Float[Tensor, "depth framed dim"], artifact: Artifact
    ) -> npt.NDArray[np.float32]:
        """`[rows, dim]`, or `[layers, rows, dim]` where layers are named."""
        ranges, context = self.passage.ranges, None
        if self.readout.has_context:
            rests, embedding = self.passage.rests, artifact.model.embedding
            context = contexts(framed[-1], ranges, rests, artifact.heads, embedding)
        rows = read_out(framed[:, 1:-1], ranges, artifact.geometry, self.readout, context)
        found: npt.NDArray[np.float32] = rows.contiguous().numpy()
        return found


@dataclass(frozen=True)
class GuessesFor:
    """The most probable pieces for the blank of a text.

    Args:
        blank: The text around it.
        top_k: How many from each side.
        tokenizer: Of the artifact.
    """

    blank: Blank
    top_k: int
    tokenizer: Tokenizer

    @property
    def ids(self) -> tuple[int, ...]:
        """Of what stands around the blank."""
        return self.blank.left + self.blank.right

    def answer(self, framed: Float[Tensor, "depth framed dim"], artifact: Artifact) -> Guesses:
        """By the head: `forward` reads what stands left, `backward` right, `cloze` both."""
        heads, half = artifact.heads, artifact.config.cell_size
        before = len(self.blank.left)  # the column of the piece before the blank
        z = heads(framed[-1, before, :half], framed[-1, before + 1, half:])
        logits = heads.logits(z, artifact.model.embedding.weight)
        return most_probable(logits, self.tokenizer, self.top_k)


@runtime_checkable
class Stepped(Protocol[Answer_co]):
    """A question answered in steps: how a text goes on, phrases for a blank, a layer's gates."""

    @property
    def ids(self) -> tuple[int, ...]:
        """Piece ids of its text, read one at a time before the steps."""
        ...

    @property
    def num_steps(self) -> int:
        """How many steps there may be."""
        ...

    @property
    def stepped_pieces(self) -> int:
        """How many pieces may be read one at a time, in all rows together."""
        ...

    def steps(self) -> Generator[None, None, Answer_co]:
        """The answer, after a rest for each piece of the text and each step."""
        ...


class Underway(Generic[Answer_co]):
    """A question that is answered in steps, and how far that has come.

    Args:
        asked: The question.
    """

    def __init__(self, asked: Stepped[Answer_co]) -> None:
        self.asked = asked
        self._resting: Generator[None, None, Answer_co] | None = None

    @property
    def ids(self) -> tuple[int, ...]:
        """Piece ids of its text."""
        return self.asked.ids

    @torch.inference_mode()
    def go_on(self, seconds: float) -> Answer_co | None:
        """Return the answer; or None if after so long, and one step at least, there is none yet."""
        until = perf_counter() + seconds
        steps = self._resting or self.asked.steps()
        self._resting = None  # one that fails is over, and whoever asks again begins anew
        try:
            next(steps)
            while perf_counter() < until:
                next(steps)
        except StopIteration as end:
            answer: Answer_co = end.value
            return answer
        self._resting = steps
        return None
