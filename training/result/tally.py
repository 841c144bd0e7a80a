"""Count how well a model predicts held-out text, by head and group of sources."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from biLM.network.heads import SIDES

from ..run.held_out import Scores
from ..run.metrics import LanguageModelScore
from ..run.objective import Judged

Counts = npt.NDArray[np.float64]
# The numbers of a `LanguageModelScore`, in its order.
NUMBERS = ("nats", "predictions", "first", "among_ten")
LANGUAGE_MODELS = ("forward", "backward")


@dataclass(frozen=True)
class Tally:
    """Sums over the predictions of a model.

    Args:
        heads: For each head, group and name of NUMBERS, a sum over all places; `[3, groups, 4]`.
        words: For each head and name of NUMBERS, a sum over the places of words; `[3, 4]`.
    """

    heads: Counts
    words: Counts

    @classmethod
    def empty(cls, num_groups: int) -> "Tally":
        """Return the tally of no text."""
        return cls(np.zeros((len(SIDES), num_groups, len(NUMBERS))), np.zeros((3, len(NUMBERS))))

    @classmethod
    def of(
        cls,
        judged: list[Judged],
        groups: list[npt.NDArray[np.int64]],
        is_word: npt.NDArray[np.bool_],
        num_groups: int,
    ) -> "Tally":
        """Return the sums over one batch.

        Args:
            judged: How each head did on its places.
            groups: The number of the group of each of these places.
            is_word: Whether each piece of the vocabulary is a word.
            num_groups: The number of groups.
        """
        found = cls.empty(num_groups)
        for side, (one, group) in enumerate(zip(judged, groups, strict=True)):
            ranks = one.ranks.cpu().numpy()
            nats = one.nats.double().cpu().numpy()
            sums = np.stack([nats, np.ones_like(nats), ranks == 0, ranks < 10], axis=1)
            np.add.at(found.heads[side], group, sums)
            found.words[side] += sums[is_word[one.targets.cpu().numpy()]].sum(axis=0)
        return found

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.heads + other.heads, self.words + other.words)

    def scores(self, group: int | None = None) -> Scores:
        """Return the score of each head, for one group or for all text."""
        sums = self.heads.sum(axis=1) if group is None else self.heads[:, group]
        return tuple(map(_score, sums))

    def word_scores(self) -> Scores:
        """Return the score of each head on the places of words."""
        return tuple(map(_score, self.words))

    def as_lists(self) -> dict[str, object]:
        """Return the sums as JSON can hold them, exactly."""
        return {"heads": self.heads.tolist(), "words": self.words.tolist()}


def _score(sums: Counts) -> LanguageModelScore:
    nats, *counts = sums.tolist()
    return LanguageModelScore(nats, *map(int, counts))


def figures_of(found: Scores, characters: int) -> dict[str, object]:
    """Return the figures of a table's row: bits, perplexities and accuracies of each head."""
    figures: dict[str, object] = {"characters": characters, "predictions": found[0].predictions}
    for side, one in zip(SIDES, found, strict=True):
        if side in LANGUAGE_MODELS:
            bits = round(one.bits_per_character(characters), 4)
            figures[f"{side}_bits_per_character"] = bits
        figures[f"{side}_perplexity"] = round(one.perplexity, 2)
        for k in (1, 10):
            figures[f"{side}_accuracy_at_{k}"] = round(one.accuracy_at(k), 4)
    return figures


def fill_figures(words: Scores) -> dict[str, object]:
    """Return how often each head fills a blank of one word rightly."""
    fill: dict[str, object] = {"places": words[0].predictions}
    for side, one in zip(SIDES, words, strict=True):
        fill[side] = {f"accuracy_at_{k}": round(one.accuracy_at(k), 4) for k in (1, 10)}
    return fill
