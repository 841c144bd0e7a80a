"""Compute how well a language model predicts: perplexity, bits per character and accuracy.

    perplexity = exp(nats / predictions)        per piece; compares runs of one vocabulary
    bits_per_character = nats / ln 2 / characters      compares across vocabularies

A language model also predicts the end of every row; a cloze predicts only what is between the ends.
"""

import math
from dataclasses import astuple, dataclass

from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class LanguageModelScore:
    """The score of one head's predictions over some text, by the full softmax.

    Args:
        nats: Sum of -log of the probability given to each piece of the text.
        predictions: Number of predictions.
        first: Number of predictions that gave the piece the highest probability.
        among_ten: Number of predictions with the piece among the ten most probable.
    """

    nats: float = 0.0
    predictions: int = 0
    first: int = 0
    among_ten: int = 0

    @classmethod
    def of(
        cls, nats: Float[Tensor, " place"], ranks: Int[Tensor, " place"]
    ) -> "LanguageModelScore":
        """Score single predictions; a rank counts the pieces that were considered more probable."""
        first, among_ten = int((ranks == 0).sum()), int((ranks < 10).sum())
        return cls(float(nats.double().sum()), len(nats), first, among_ten)

    @property
    def nats_per_piece(self) -> float:
        """The mean loss of one prediction."""
        return self.nats / max(1, self.predictions)

    @property
    def perplexity(self) -> float:
        """The perplexity per piece: a uniform guess among V pieces has perplexity V."""
        return math.exp(self.nats_per_piece)

    def bits_per_character(self, characters: int) -> float:
        """Return the bits it takes to encode one character (code point) of the text."""
        return self.nats / math.log(2) / max(1, characters)

    def accuracy_at(self, number: int) -> float:
        """Return the share of predictions with the piece among the most probable.

        Args:
            number: How many of the most probable pieces count: 1 or 10.
        """
        hits = {1: self.first, 10: self.among_ten}[number]
        return hits / max(1, self.predictions)

    def __add__(self, other: "LanguageModelScore") -> "LanguageModelScore":
        pairs = zip(astuple(self), astuple(other), strict=True)
        return LanguageModelScore(*(mine + theirs for mine, theirs in pairs))
