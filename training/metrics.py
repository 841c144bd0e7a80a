"""How well a language model predicts: nats -> perplexity per piece and bits per character.

    perplexity = exp(nats / predictions)        per piece; compares runs of one vocabulary
    bits_per_character = nats / ln 2 / characters      compares across vocabularies

Both count the prediction of the end of every row.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class LanguageModelScore:
    """One direction's summed loss over some text, from the full softmax."""

    nats: float
    predictions: int
    characters: int

    @property
    def nats_per_piece(self) -> float:
        """Mean loss of one prediction."""
        return self.nats / max(1, self.predictions)

    @property
    def perplexity(self) -> float:
        """Per piece: a uniform guess among V pieces has perplexity V."""
        return math.exp(self.nats_per_piece)

    @property
    def bits_per_character(self) -> float:
        """Bits to write one character (code point) of the text down."""
        return self.nats / math.log(2) / max(1, self.characters)

    def __add__(self, other: "LanguageModelScore") -> "LanguageModelScore":
        return LanguageModelScore(
            self.nats + other.nats,
            self.predictions + other.predictions,
            self.characters + other.characters,
        )
