"""How well a language model predicts: nats -> perplexity, bits per character, accuracy.

    perplexity = exp(nats / predictions)        per piece; compares runs of one vocabulary
    bits_per_character = nats / ln 2 / characters      compares across vocabularies

A language model also predicts the end of every row; a cloze only what stands between the ends.
"""

import math
from dataclasses import astuple, dataclass

from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class LanguageModelScore:
    """One head's predictions over some text, by the full softmax.

    Args:
        nats: -log of the probability given to what stood there, summed.
        predictions: How many.
        first: Of them, those in which it was the most probable piece.
        among_ten: Of them, those in which it was among the ten most probable.
    """

    nats: float = 0.0
    predictions: int = 0
    first: int = 0
    among_ten: int = 0

    @classmethod
    def of(
        cls, nats: Float[Tensor, " place"], ranks: Int[Tensor, " place"]
    ) -> "LanguageModelScore":
        """The score of single predictions; a rank counts the pieces thought more probable."""
        first, among_ten = int((ranks == 0).sum()), int((ranks < 10).sum())
        return cls(float(nats.double().sum()), len(nats), first, among_ten)

    @property
    def nats_per_piece(self) -> float:
        """Mean loss of one prediction."""
        return self.nats / max(1, self.predictions)

    @property
    def perplexity(self) -> float:
        """Per piece: a uniform guess among V pieces has perplexity V."""
        return math.exp(self.nats_per_piece)

    def bits_per_character(self, characters: int) -> float:
        """Bits to write down one of the characters (code points) of the text."""
        return self.nats / math.log(2) / max(1, characters)

    def accuracy_at(self, number: int) -> float:
        """Share of what stood there among the `number` most probable pieces, 1 or 10."""
        hits = {1: self.first, 10: self.among_ten}[number]
        return hits / max(1, self.predictions)

    def __add__(self, other: "LanguageModelScore") -> "LanguageModelScore":
        pairs = zip(astuple(self), astuple(other), strict=True)
        return LanguageModelScore(*(mine + theirs for mine, theirs in pairs))
