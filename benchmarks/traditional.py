"""Compare what the model makes of Traditional text with what it makes of the same text Simplified.

pip install opencc==1.4.2
python -m benchmarks.traditional models/zh-small --senses SENSES/xlwic_dev.zh.jsonl

OpenCC writes the sentences of random word-in-context pairs as in Taiwan. The program prints how
many have the piece ids of the Simplified originals, and how well the cosine of a word's two vectors
separates the same sense from two, in both scripts. Sentences that become longer or shorter are left
out, because the places of their words would be others.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import torch

from biLM.encoder import Encoder
from training.result.senses import SensePair, read_pairs, score_senses
from training.run.provenance import provenance

SHOWN = ("layer 1, centred", "layer 2, centred", "context, centred", "mix default, centred")


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--senses", type=Path, required=True, help="word-in-context pairs, .jsonl")
    parser.add_argument("--pairs", type=int, default=127, help="how many pairs to take")
    given = parser.parse_args()
    from opencc import OpenCC  # no other program of this repository needs it

    print(provenance(torch.device("cpu")), "OpenCC", "s2tw")
    encoder = Encoder.load(given.artifact)
    pairs = Random(1).sample(read_pairs(given.senses), given.pairs)
    simplified, traditional = converted(pairs, OpenCC("s2tw").convert)
    sentences = [texts_of(pairs) for pairs in (simplified, traditional)]
    same = [encoder.pieces(a).ids == encoder.pieces(b).ids for a, b in zip(*sentences, strict=True)]
    changed = sum(a != b for a, b in zip(*sentences, strict=True))
    print(f"{len(same)} sentences, of which {changed} look different in Traditional characters")
    print(f"{sum(same)} have the ids of the Simplified original")
    named = {"default": encoder.mix("default")}
    scores = [
        score_senses(encoder, pairs, named, ["centred"]) for pairs in (simplified, traditional)
    ]
    print("AUC                    Simplified Traditional")
    for name in SHOWN:
        print(f"{name:22}", *(f"{score[name].auc:10.4f}" for score in scores))


def converted(
    pairs: Sequence[SensePair], convert: Callable[[str], str]
) -> tuple[list[SensePair], list[SensePair]]:
    """Return the pairs that keep their length, and the same in Traditional characters."""
    both = [
        (pair, replace(pair, first=(convert(a), *of_a), second=(convert(b), *of_b)))
        for pair in pairs
        for (a, *of_a), (b, *of_b) in [(pair.first, pair.second)]
    ]
    kept = [
        (one, other)
        for one, other in both
        if [*map(len, texts_of([one]))] == [*map(len, texts_of([other]))]
    ]
    return [one for one, _ in kept], [other for _, other in kept]


def texts_of(pairs: Sequence[SensePair]) -> list[str]:
    """Return both sentences of each pair."""
    return [text for pair in pairs for text, *_ in (pair.first, pair.second)]


if __name__ == "__main__":
    main()
