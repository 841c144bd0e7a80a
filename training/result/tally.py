"""Count how well a model predicts held-out text, by head and group of sources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from biLM.network.heads import SIDES

from ..run.held_out import NO_SCORES, Scores
from ..run.metrics import LanguageModelScore
from ..run.objective import Judged
from .languages import CHINESE, OTHER, Cell

Counts = npt.NDArray[np.float64]
# The numbers of a `LanguageModelScore`, in its order.
NUMBERS = ("nats", "predictions", "first", "among_ten")
LANGUAGE_MODELS = ("forward", "backward")
# The largest sources of a corpus are often the most formulaic, and then decide the figures of all.
# So a corpus of several sources also has the figures of Chinese without this many of the largest.
NUM_LARGEST = 3
# The scores of the heads on some text, and its number of characters.
Part = tuple[Scores, int]


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


def tables_of(parts: Mapping[Cell, Part]) -> dict[str, dict[str, dict[str, object]]]:
    """Return the figures of all text, of each group of sources, and of each language.

    Args:
        parts: The scores of each cell and the number of its characters.

    Returns:
        `held_out` with `all` and each group, and `languages` with each language, Chinese first.
    """
    held_out, languages = {"all": _joined(list(parts.values()))}, {}
    for group in dict.fromkeys(cell.group for cell in parts):
        held_out[group] = _joined([part for cell, part in parts.items() if cell.group == group])
    for language in (CHINESE, OTHER):
        found = [part for cell, part in parts.items() if cell.language == language]
        if not found:
            continue
        languages[language] = _joined(found)
        if language == CHINESE and len(found) > 2 * NUM_LARGEST:
            found.sort(key=lambda part: -part[1])
            name = f"{CHINESE}, without its {NUM_LARGEST} largest sources"
            languages[name] = _joined(found[NUM_LARGEST:])
    return {"held_out": held_out, "languages": languages}


def _joined(parts: Sequence[Part]) -> dict[str, object]:
    total = NO_SCORES
    for scores, _ in parts:
        total = tuple(one + more for one, more in zip(total, scores, strict=True))
    return figures_of(total, sum(characters for _, characters in parts))


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
