"""Compare the biLM's held-out figures with those of a 5-gram model of the same pieces and rows.

python -m benchmarks.ngram models/zh-small --shards build/shards

The 5-gram is an interpolated modified Kneser-Ney model (Chen and Goodman 1999, section 3):

    p(w | h) = (c(h w) - D(c)) / c(h) + gamma(h) p(w | h'),    h' = h without its first piece

At order 5, c is a count; at lower orders, it is the number of different pieces seen before h w.
N-grams that begin a row have nothing before them and keep their counts. D1, D2 and D3 follow from
the numbers of n-grams seen once to four times. The figures for fill are the share of blanks whose
word is among the ten most probable pieces, where a word is a piece of two or more Han characters.
From both sides, the 5-grams of the two directions are multiplied: p_f p_b / p.

All held-out rows are read; this takes about five minutes and 6 GB.
"""

import argparse
import json
import math
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import numpy.typing as npt

from biLM.artifact import load_artifact
from biLM.tokenizer import Tokenizer
from training.result.words import words_of
from training.run.initial import check_vocabulary
from training.text.shards import Shard, Shards

ORDER = 5
BEGIN, END = 1, 2
Keys = npt.NDArray[np.uint64]
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Table:
    """The n-grams of one order: for each history, the pieces seen after it and the mass left over.

    Args:
        histories: Hashes of the histories, ascending.
        ends: For each history, the end of its entries in `pieces` and `masses`.
        pieces: The pieces seen after each history.
        masses: (c - D) / c(h) of each of these pieces.
        left_over: gamma of each history.
    """

    histories: Keys
    ends: Ids
    pieces: Ids
    masses: npt.NDArray[np.float64]
    left_over: npt.NDArray[np.float64]


class KneserNey:
    """An interpolated modified Kneser-Ney model over rows of pieces.

    Args:
        shards: The rows that it counts.
        num_pieces: The size of the vocabulary.
        is_backward: Whether it reads each row from its end.
    """

    def __init__(self, shards: list[Shard], num_pieces: int, is_backward: bool) -> None:
        framed_ids = np.concatenate([framed(shard, is_backward) for shard in shards])
        keys = history_keys(framed_ids)
        every = np.flatnonzero(framed_ids != BEGIN)
        places = every
        self.tables: list[Table] = []
        for order in range(ORDER, 0, -1):
            table, first = make_table(keys[order - 1][places], framed_ids[places])
            self.tables.insert(0, table)
            # One order down, each different n-gram counts once, except those that begin a row.
            begins_row = framed_ids[every - max(0, order - 2)] == BEGIN
            once = places[first]
            inside = framed_ids[once - max(0, order - 2)] != BEGIN
            places = np.concatenate([once[inside], every[begins_row]]) if order > 2 else once
        self.uniform = np.full(num_pieces, 1.0 / num_pieces)

    def unigram(self) -> npt.NDArray[np.float64]:
        """Return p(w) of every piece, whatever precedes it."""
        return self._add(self.tables[0], np.uint64(0), self.uniform)

    def after(self, history: Keys) -> npt.NDArray[np.float64]:
        """Return p(w | h) of every piece; h is given by its keys, the empty history first."""
        p = self.uniform
        for table, key in zip(self.tables, history, strict=True):
            p = self._add(table, key, p)
        return p

    def _add(
        self, table: Table, key: np.uint64, p: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        at = int(np.searchsorted(table.histories, key))
        if at == len(table.histories) or table.histories[at] != key:
            return p
        p = p * table.left_over[at]
        entries = slice(int(table.ends[at - 1]) if at else 0, int(table.ends[at]))
        p[table.pieces[entries]] += table.masses[entries]
        return p


def framed(shard: Shard, is_backward: bool) -> Ids:
    """Join the rows, each preceded by ORDER - 1 begin pieces and followed by an end piece."""
    starts = np.repeat(shard.ends - shard.lengths, shard.lengths)
    inside = np.arange(len(shard.pieces)) - starts
    lengths = np.repeat(shard.lengths, shard.lengths)
    sizes = shard.lengths + ORDER
    offsets = np.repeat(np.cumsum(sizes) - sizes, shard.lengths)
    framed_ids = np.full(int(sizes.sum()), BEGIN, dtype=np.int64)
    places = lengths - 1 - inside if is_backward else inside
    framed_ids[offsets + ORDER - 1 + places] = shard.pieces
    framed_ids[np.cumsum(sizes) - 1] = END
    return framed_ids


def history_keys(framed_ids: Ids) -> list[Keys]:
    """Hash the histories of 0 to ORDER - 1 pieces at every place; collisions are rare."""
    keys = [np.zeros(len(framed_ids), dtype=np.uint64)]
    for distance in range(1, ORDER):
        before = np.roll(framed_ids, distance).astype(np.uint64)
        mixed = (keys[-1] ^ (before + np.uint64(distance << 32))) * np.uint64(0x9E3779B97F4A7C15)
        keys.append(mixed ^ (mixed >> np.uint64(29)))
    return keys


def make_table(histories: Keys, pieces: Ids) -> tuple[Table, Ids]:
    """Build the table of one order, and return it with one place of each different n-gram."""
    unique, group = np.unique(histories, return_inverse=True)
    grams, first, counts = np.unique(
        (group.astype(np.int64) << 16) | pieces, return_index=True, return_counts=True
    )
    owner = grams >> 16
    n = [int((counts == times).sum()) for times in range(1, 5)]
    y = n[0] / (n[0] + 2 * n[1])
    discounts = np.array([0.0] + [k - (k + 1) * y * n[k] / n[k - 1] for k in (1, 2, 3)])
    discount = discounts[np.minimum(counts, 3)]
    totals = np.bincount(owner, counts, len(unique))
    left_over = np.bincount(owner, discount, len(unique)) / totals
    masses = (counts - discount) / totals[owner]
    ends = np.cumsum(np.bincount(owner, minlength=len(unique)))
    return Table(unique, ends, grams & 0xFFFF, masses, left_over), first


def main() -> None:
    """Fit both directions, read the held-out rows and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--shards", type=Path, default=Path("build/shards"))
    given = parser.parse_args()
    shards = Shards(given.shards)
    artifact = load_artifact(given.artifact)
    check_vocabulary(artifact, shards)
    num_pieces = len(shards.counts)
    began = perf_counter()
    models = [KneserNey(shards.train(), num_pieces, is_backward) for is_backward in (False, True)]
    print(f"fitted in {perf_counter() - began:.0f} s")
    characters = sum(shards.manifest.held_out_characters.values())
    evaluation = artifact.card["evaluation"]
    whole, fill = evaluation["held_out"]["all"], evaluation["fill"]
    found = read_held_out(models, shards)
    print(f"{'':26}{'5-gram':>10}{'biLM':>10}")
    for number, side in enumerate(("forward", "backward")):
        bits = found["nats"][number] / math.log(2) / characters
        ours = whole[f"{side}_bits_per_character"]
        print(f"{side + ' bits/character':26}{bits:10.3f}{ours:10.3f}")
    for number, side in enumerate(("forward", "backward", "cloze")):
        share = found["hits"][number] / found["places"]
        print(f"{'fill@10 ' + side:26}{share:10.3f}{fill[side]['accuracy_at_10']:10.3f}")
    print(json.dumps({"places": found["places"], "seconds": round(perf_counter() - began)}))


def read_held_out(models: list[KneserNey], shards: Shards) -> dict[str, object]:
    """Return each direction's summed nats over all pieces, and the hits among ten over words."""
    is_word = words_of(Tokenizer(shards.vocabulary.read_bytes())).numpy()
    unigram = models[0].unigram()
    nats, hits, places = np.zeros(2), np.zeros(3, dtype=int), 0
    for shard in shards.held_out().values():
        ahead, back = (framed(shard, is_backward) for is_backward in (False, True))
        keys = [np.stack(history_keys(framed_ids), axis=1) for framed_ids in (ahead, back)]
        ends = np.cumsum(shard.lengths + ORDER)
        for end, length in zip(ends.tolist(), shard.lengths.tolist(), strict=True):
            begin = end - length - 1  # the first piece of the row; its end piece is at end - 1
            for place in range(length + 1):
                # Both directions predict the same piece; each ends with its own end piece.
                turned = begin + length - 1 - place if place < length else end - 1
                both = [
                    model.after(one[at])
                    for model, one, at in zip(models, keys, (begin + place, turned), strict=True)
                ]
                target = ahead[begin + place]
                nats -= [math.log(p[target]) for p in both]
                if place < length and is_word[target]:
                    places += 1
                    sides = [*both, both[0] * both[1] / unigram]
                    hits += [int((p > p[target]).sum() < 10) for p in sides]
    return {"nats": nats, "hits": hits, "places": places}


if __name__ == "__main__":
    main()
