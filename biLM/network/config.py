"""The sizes of a biLM, and the names of its layers."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

from biLM.errors import ConfigError

# What can be read out: a representation by its number, or the context.
CONTEXT: Literal["context"] = "context"
Layer = int | Literal["context"]

# Every text is read with a begin piece before it and an end piece after it.
BOUNDARY_PIECES = 2


@dataclass(frozen=True)
class BiLMConfig:
    """The sizes that determine every tensor of a biLM.

    Args:
        num_pieces: Size of the vocabulary.
        embedding_size: Width of a piece embedding. It must divide 2 * cell_size, because
            representation 0 repeats the embedding until it is as wide as the layers.
        cell_size: Width of one LSTM's memory and of its output (there is no projection).
        num_layers: LSTM layers per direction.
        bos_id: Piece id read before every text.
        eos_id: Piece id read after every text.

    Raises:
        ConfigError: a value is not an integer or is below 1, a boundary piece is outside the
            vocabulary, or embedding_size does not divide 2 * cell_size.
    """

    num_pieces: int
    embedding_size: int
    cell_size: int
    num_layers: int = 2
    bos_id: int = 1
    eos_id: int = 2

    def __post_init__(self) -> None:
        for field in fields(self):
            size = getattr(self, field.name)
            if type(size) is not int or size < 1:
                raise ConfigError(f"{field.name} is {size!r}; it must be an integer of at least 1")
        for name in ("bos_id", "eos_id"):
            if getattr(self, name) >= self.num_pieces:
                raise ConfigError(
                    f"{name} is {getattr(self, name)}; the last piece id is {self.num_pieces - 1}"
                )
        if self.dim % self.embedding_size:
            raise ConfigError(
                f"embedding_size {self.embedding_size} does not divide 2 * cell_size = {self.dim};"
                " representation 0 repeats the embedding to that width"
            )

    @property
    def dim(self) -> int:
        """Width of every representation: [forward ; backward]."""
        return 2 * self.cell_size

    @property
    def num_representations(self) -> int:
        """L + 1: the context-free piece embedding counts as representation 0."""
        return self.num_layers + 1

    def framed(self, ids: Sequence[int]) -> list[int]:
        """Return the piece ids of a text between its two boundary pieces."""
        return [self.bos_id, *ids, self.eos_id]
