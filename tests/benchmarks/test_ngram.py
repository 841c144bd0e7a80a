"""Compare the 5-gram model with the textbook's formulas, written with dictionaries."""

import random
from collections import Counter, defaultdict

import numpy as np
import pytest

from benchmarks.ngram import BEGIN, END, ORDER, KneserNey, framed, history_keys
from training.text.shards import Shard

NUM_PIECES = 200  # enough that every order has n-grams seen once, twice, three and four times
ROWS = 400


@pytest.fixture(scope="module")
def rows():
    """Rows of a language in which the next piece depends on the one before."""
    chance = random.Random(1)
    pieces = range(3, NUM_PIECES)
    rare = [1 / rank for rank in range(1, len(pieces) + 1)]
    made = []
    for _ in range(ROWS):
        row = chance.choices(pieces, rare)
        while chance.random() < 0.85:
            follower = 3 + (row[-1] * 2 + chance.choice([0, 1])) % len(pieces)
            row.append(follower if chance.random() < 0.7 else chance.choices(pieces, rare)[0])
        made.append(row)
    return made


def shard_of(rows):
    pieces = np.array([piece for row in rows for piece in row], dtype=np.uint16)
    return Shard(pieces, np.cumsum([len(row) for row in rows]))


class Textbook:
    """Chen and Goodman 1999, section 3, equations 23 to 26, with continuation counts below."""

    def __init__(self, rows):
        raw = {order: Counter() for order in range(1, ORDER + 1)}
        for row in rows:
            framed_ids = [BEGIN] * (ORDER - 1) + row + [END]
            for end in range(ORDER, len(framed_ids) + 1):
                for order in raw:
                    raw[order][tuple(framed_ids[end - order : end])] += 1
        self.counts = {ORDER: raw[ORDER]}
        for order in range(ORDER - 1, 0, -1):
            before = Counter(gram[1:] for gram in raw[order + 1])
            self.counts[order] = {
                gram: raw[order][gram] if gram[0] == BEGIN else before[gram] for gram in raw[order]
            }
        self.after = {order: defaultdict(dict) for order in self.counts}
        for order, grams in self.counts.items():
            for gram, count in grams.items():
                self.after[order][gram[:-1]][gram[-1]] = count
        self.discounts = {order: self._discounts_of(order) for order in self.counts}

    def _discounts_of(self, order):
        n = Counter(self.counts[order].values())
        y = n[1] / (n[1] + 2 * n[2])
        return {k: k - (k + 1) * y * n[k + 1] / n[k] for k in (1, 2, 3)}

    def _discount(self, order, count):
        return self.discounts[order][min(count, 3)]

    def p(self, history):
        """Return the probability of every piece after the last four pieces of a row."""
        found = np.full(NUM_PIECES, 1 / NUM_PIECES)
        for order in range(1, ORDER + 1):
            seen = self.after[order].get(tuple(history[len(history) - order + 1 :]))
            if not seen:
                continue
            total = sum(seen.values())
            found *= sum(self._discount(order, count) for count in seen.values()) / total
            for piece, count in seen.items():
                found[piece] += (count - self._discount(order, count)) / total
        return found


@pytest.mark.parametrize("is_backward", [False, True])
def test_every_probability_is_the_textbook_s(rows, is_backward):
    model = KneserNey([shard_of(rows[:150]), shard_of(rows[150:])], NUM_PIECES, is_backward)
    textbook = Textbook([row[::-1] if is_backward else row for row in rows])
    chance = random.Random(2)
    fresh = [[chance.randint(3, NUM_PIECES - 1) for _ in range(6)] for _ in range(20)]
    shard = shard_of(rows[:20] + fresh)
    framed_ids = framed(shard, is_backward)
    keys = np.stack(history_keys(framed_ids), axis=1)
    places = [place for place in range(len(framed_ids)) if framed_ids[place] != BEGIN]
    assert len(places) > 100
    for place in places:
        p = model.after(keys[place])
        assert p.sum() == pytest.approx(1.0)
        assert p == pytest.approx(textbook.p(framed_ids[place - ORDER + 1 : place].tolist()))


def test_a_backward_row_is_the_row_turned_around():
    assert framed(shard_of([[3, 4, 5], [6]]), is_backward=True).tolist() == (
        [BEGIN] * 4 + [5, 4, 3, END] + [BEGIN] * 4 + [6, END]
    )
