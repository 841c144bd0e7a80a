"""The question about the vectors of a passage."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from torch import Tensor

from biLM.artifact import Artifact
from biLM.questions.context import contexts, num_blocks
from biLM.questions.passage import Passage
from biLM.questions.question import Cost, cost_in_batch
from biLM.questions.readout import Readout, read_out

Vectors = npt.NDArray[np.float32]
"""`[rows, dim]`, or `[layers, rows, dim]` if layers are named."""


@dataclass(frozen=True)
class VectorsFor:
    """A question about the vectors of a passage, made as the readout says."""

    passage: Passage
    readout: Readout

    @property
    def ids(self) -> tuple[int, ...]:
        """The piece ids of the passage."""
        return self.passage.ids

    @property
    def cost(self) -> Cost:
        """The cost of the passage in a batch, and of its contexts."""
        return cost_in_batch(self.ids, self._num_context_blocks())

    def _num_context_blocks(self) -> int:
        return num_blocks(len(self.ids), self.passage.num_rows) if self.readout.has_context else 0

    def answering(
        self, framed: Float[Tensor, "depth framed dim"], artifact: Artifact
    ) -> Generator[None, None, Vectors]:
        """Return a vector for each row, or for each layer and row."""
        found: Vectors = (yield from self.rows(framed, artifact)).contiguous().numpy()
        return found

    def rows(
        self, framed: Float[Tensor, "depth framed dim"], artifact: Artifact
    ) -> Generator[None, None, Float[Tensor, "*layers rows dim"]]:
        """Return the same as `answering`, as a tensor that has a gradient if `framed` has one."""
        ranges, context = self.passage.ranges, None
        if self.readout.has_context:
            rests, embedding = self.passage.rests, artifact.model.embedding
            context = yield from contexts(framed[-1], ranges, rests, artifact.heads, embedding)
        return read_out(framed[:, 1:-1], ranges, artifact.geometry, self.readout, context)
