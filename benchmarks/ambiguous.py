"""Measure whether the nearest neighbours of an ambiguous word have its sense: 苹果, fruit or phone.

python -m benchmarks.ambiguous models/zh-small

Each of twelve words stands in twelve sentences, six for each of its two senses
(`ambiguous_sentences`). For every sentence, the three of the other eleven whose vectors of the word
have the highest cosine vote on the sense. Three sentences drawn at random would vote rightly in a
share of 0.424, because five of the eleven have the same sense and six have the other one.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from benchmarks.ambiguous_sentences import SENTENCES
from biLM.encoder import Encoder
from training.result.senses import Vectors, representations, word_layers
from training.run.provenance import provenance

NEIGHBOURS = 3
Place = tuple[str, int, int]


def main() -> None:
    """Print a line for each representation: its share of right votes, raw and centred."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artifact", type=Path)
    encoder = Encoder.load(parser.parse_args().artifact)
    places = [
        (text, text.index(word), text.index(word) + len(word))
        for word, senses in SENTENCES.items()
        for texts in senses.values()
        for text in texts
    ]
    print(provenance(torch.device("cpu")))
    print(f"{len(SENTENCES)} words, {len(places)} sentences\n{'':24}{'raw':>8}{'centred':>10}")
    raw, centred = (table(encoder, places, is_centred) for is_centred in (False, True))
    for name, found in raw.items():
        print(f"{name:24}{found:8.3f}{centred[name]:10.3f}")


def table(encoder: Encoder, places: list[Place], centred: bool) -> dict[str, float]:
    """Return the share of right votes for each representation, by its name."""
    layers = word_layers(encoder, places, centred)
    rows = representations(layers, encoder.artifact.mixes)
    return {name: float(np.mean(votes(of_word))) for name, of_word in rows}


def votes(rows: Vectors) -> list[bool]:
    """Return for each sentence whether most of its nearest neighbours have the same sense."""
    right, begin = [], 0
    for senses in SENTENCES.values():
        of_sense = np.repeat(range(len(senses)), [len(texts) for texts in senses.values()])
        some = rows[begin : begin + len(of_sense)]
        begin += len(some)
        unit = some / np.linalg.norm(some, axis=1, keepdims=True)
        cosines = unit @ unit.T
        np.fill_diagonal(cosines, -np.inf)
        nearest = np.argsort(-cosines, axis=1)[:, :NEIGHBOURS]
        same = of_sense[nearest] == of_sense[:, None]
        right += list(same.sum(axis=1) * 2 > NEIGHBOURS)
    return right


if __name__ == "__main__":
    main()
