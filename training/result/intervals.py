"""Compute the area under the ROC curve of pairs of sentences, with its interval by lemma.

The pairs of one lemma resemble each other, so they are not independent evidence. The bootstrap
therefore draws lemmas, each with all of its pairs (Efron and Tibshirani 1993, "An Introduction to
the Bootstrap", section 8.5, resamples clusters in this way). The draws depend on the lemmas alone:
two scores of the same pairs have the same draws, and their difference, draw by draw, has an
interval of its own, which is narrower than those of the two scores suggest.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

NUM_DRAWS = 1_000
SEED = 1
# The interval leaves out this share of the draws at each end, so it holds 95 % of them.
TAIL = 0.025
Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]


class Bootstrap:
    """Draws of the lemmas of some pairs.

    Args:
        lemmas: The lemma of each pair.
        same: Whether the word of each pair has the same sense in both sentences.
        num_draws: The number of draws.
    """

    def __init__(
        self, lemmas: Sequence[str], same: npt.NDArray[np.bool_], num_draws: int = NUM_DRAWS
    ) -> None:
        distinct, of_pair = np.unique(np.array(lemmas), return_inverse=True)
        chance = np.full(len(distinct), 1 / len(distinct))
        times = np.random.default_rng(SEED).multinomial(len(distinct), chance, size=num_draws)
        self._times = times[:, of_pair].astype(np.float64)  # (draws, pairs)
        self._same = same

    def auc(self, cosine: Floats) -> Floats:
        """Return the area under the ROC curve in each draw; NaN where a draw has only one tag."""
        return weighted_auc(cosine, self._same, self._times)


def weighted_auc(cosine: Floats, same: npt.NDArray[np.bool_], weights: Floats) -> Floats:
    """Return the area under the ROC curve for each row of weights.

    It is the chance that a pair of the same sense has a higher cosine than a pair of different
    senses, where equal cosines count half.

    Args:
        cosine: The cosine of each pair.
        same: Whether each pair has the same sense.
        weights: How often each pair counts, `[rows, pairs]`.
    """
    order = np.argsort(cosine, kind="stable")
    ordered = cosine[order]
    begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))  # of equal cosines
    positive = np.add.reduceat(weights[:, order] * same[order], begins, axis=1)
    negative = np.add.reduceat(weights[:, order] * ~same[order], begins, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    comparisons = positive.sum(axis=1) * negative.sum(axis=1)
    with np.errstate(invalid="ignore"):
        found: Floats = (positive * below).sum(axis=1) / comparisons
    return found


def auc(cosine: Floats, same: npt.NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve, or NaN if all pairs have the same tag."""
    return float(weighted_auc(cosine, same, np.ones((1, len(same))))[0])


def interval(draws: Floats) -> Interval:
    """Return the bounds between which 95 % of the draws lie; draws without a value are left out."""
    low, high = np.nanquantile(draws, [TAIL, 1 - TAIL])
    return float(low), float(high)
