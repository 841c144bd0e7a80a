"""Measure whether the nearest neighbours of a character share its reading: 行 in 银行, in 行走.

python -m benchmarks.readings models/zh-small --corpus build/corpus

There is no labelled data set. For characters in words the readings come from a dictionary: jieba
segments a line, and a word that is in pypinyin's dictionary of phrases gives each of its characters
a reading. For characters that are words by themselves they come from what stands beside them
(`single_characters`). Half of a character's occurrences vote on the other half. The votes are those
of the 5 nearest, by the cosine of the centred vectors that `Encoder.spans` gives the character
alone. Results are printed for all occurrences, and for those whose word or cue no voter has. Near
copies of lines are dropped. The model may have read the lines; it has never seen a reading.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import jieba
import numpy as np
import torch
from pypinyin.constants import PHRASES_DICT, PINYIN_DICT
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import KNeighborsClassifier

from benchmarks.single_characters import Occurrence, single_occurrences
from biLM.encoder import Encoder
from training.result.senses import Vectors, representations, word_layers
from training.run.provenance import provenance
from training.text.near_copies import NearCopies

LINES_OF_A_PART = 15_000
CHARACTERS_OF_A_LINE = range(12, 81)
# The occurrences of a character, half of which vote.
OCCURRENCES = 40
# The fewest occurrences of a character, and the least share of them not in its commonest reading.
FEWEST, LEAST_SHARE = 20, 0.1
NEIGHBOURS = 5
# The bag of characters does best with this many on either side.
WINDOW = 3


def main() -> None:
    """Print how many readings the neighbours have right, a line for each representation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--corpus", type=Path, required=True)
    given = parser.parse_args()
    random = Random(5)
    some = lines(given.corpus, random)
    encoder = Encoder.load(given.artifact)
    print(provenance(torch.device("cpu")))
    report("words", chosen(occurrences(some), random), encoder)
    report("single", balanced(single_occurrences(some), Random(6)), encoder)


def report(kind: str, characters: list[list[Occurrence]], encoder: Encoder) -> None:
    """Print a table for one kind of occurrences."""
    every = [one for found in characters for one in found]
    bag = TfidfVectorizer(analyzer="char").fit_transform(map(around, every))
    layers = word_layers(encoder, [(one.line, one.place, one.place + 1) for one in every], True)
    compared = {"the commonest reading": np.ones((len(every), 1)), "bag of characters": bag}
    compared |= dict(representations(layers, encoder.artifact.mixes))
    print(f"\n{kind}: {len(characters)} characters, {len(every)} occurrences")
    if kind == "single":
        print("".join(found[0].line[found[0].place] for found in characters))
    print(f"{'':24}{'all':>8}{'new':>10}")
    for name, rows in compared.items():
        right, new = map(np.array, zip(*votes(characters, rows), strict=True))
        print(f"{name:24}{right.mean():8.3f}{right[new].mean():10.3f}")


def lines(corpus: Path, random: Random) -> list[str]:
    """Return some lines of each training part and the held-out lines, shuffled, no near copies."""
    found: list[str] = []
    for path in sorted(corpus.glob("train-*.txt")):
        part = path.read_text("utf-8").split("\n")
        found += random.sample(part, min(LINES_OF_A_PART, len(part)))
    for path in sorted(corpus.glob("held_out/*.txt")):
        found += path.read_text("utf-8").split("\n")
    random.shuffle(found)
    some = list(dict.fromkeys(line for line in found if len(line) in CHARACTERS_OF_A_LINE))
    flags = NearCopies(sum(map(len, some))).flags(some)
    return [line for line, is_copy in zip(some, flags, strict=True) if not is_copy]


def occurrences(lines: Sequence[str]) -> dict[str, list[Occurrence]]:
    """Find, for each character, its occurrences in words whose reading the dictionary has."""
    jieba.setLogLevel("ERROR")
    found = defaultdict(list)
    for line in lines:
        for word, begin, _ in jieba.tokenize(line):
            for place, readings in enumerate(PHRASES_DICT.get(word, ())):
                one = Occurrence(line, begin + place, word, readings[0])
                found[word[place]].append(one)
    return found


def chosen(found: dict[str, list[Occurrence]], random: Random) -> list[list[Occurrence]]:
    """Sample occurrences of each character that has several readings, in random order."""
    characters = []
    for character, every in found.items():
        if "," not in PINYIN_DICT.get(ord(character), ""):
            continue
        by_reading = Counter(one.reading for one in every)
        others = len(every) - by_reading.most_common(1)[0][1]
        if len(every) >= FEWEST and others >= LEAST_SHARE * len(every):
            characters.append(random.sample(every, min(OCCURRENCES, len(every))))
    return characters


def balanced(found: dict[str, list[Occurrence]], random: Random) -> list[list[Occurrence]]:
    """Sample as many occurrences of each reading of a character as of its rarest one.

    Most single characters have one reading in nine of ten places, which would make a guess good.
    Readings with fewer than half of FEWEST occurrences are left out.
    """
    characters = []
    for every in found.values():
        by_reading = defaultdict(list)
        for one in every:
            by_reading[one.reading].append(one)
        common = [of_one for of_one in by_reading.values() if 2 * len(of_one) >= FEWEST]
        if len(common) > 1:
            each = min(*map(len, common), OCCURRENCES // len(common))
            some = [one for of_one in common for one in random.sample(of_one, each)]
            characters.append(random.sample(some, len(some)))
    return characters


def around(one: Occurrence) -> str:
    """Return the characters around an occurrence, without the character itself."""
    before = one.line[max(0, one.place - WINDOW) : one.place]
    return before + one.line[one.place + 1 : one.place + 1 + WINDOW]


def votes(characters: Sequence[Sequence[Occurrence]], rows: Vectors) -> Iterator[tuple[bool, bool]]:
    """Yield, for each occurrence that is voted on, whether the vote is right and its word new."""
    begin = 0
    for found in characters:
        mine = rows[begin : begin + len(found)]
        begin += len(found)
        half = len(found) // 2
        judge = KNeighborsClassifier(NEIGHBOURS, metric="cosine")
        judge.fit(mine[:half], [one.reading for one in found[:half]])
        words = {one.word for one in found[:half]}
        for one, reading in zip(found[half:], judge.predict(mine[half:]), strict=True):
            yield reading == one.reading, one.word not in words


if __name__ == "__main__":
    main()
