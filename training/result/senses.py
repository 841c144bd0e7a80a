"""Score how well the cosine of a word's two vectors separates same sense from different sense.

Word-in-Context pairs (Pilehvar and Camacho-Collados 2019; XL-WiC, MCL-WiC) are JSON lines with
`sentence1, start1, end1, sentence2, start2, end2, tag`, and mostly a `lemma`. Tag T means the same
sense, and offsets are in code points. The pairs are used to measure, never to train.

A score consists of the area under the ROC curve with its interval by lemma, that area in the first
and in the second half of the lines, and the accuracy. The halves of MCL-WiC's Chinese pairs come
from different corpora. A threshold that is chosen on the pairs that it judges flatters, so every
other lemma is judged by the best threshold of the lemmas between, and these by that of the others.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer

from biLM.encoder import Encoder
from biLM.network.scalar_mix import ScalarMix
from biLM.questions.readout import Readout

from ..errors import CorpusError
from .intervals import Bootstrap, Interval, auc, interval

TEXTS_PER_CALL = 256
Vectors = npt.NDArray[np.float32]
Cosines = npt.NDArray[np.float64]
Geometries = Sequence[Literal["raw", "centred"]]


@dataclass(frozen=True)
class SensePair:
    """One word in two sentences, each given as a text and the word's begin and end in it.

    Args:
        first: The first sentence, begin and end.
        second: The second sentence, begin and end.
        same_sense: Whether the word means the same in both.
        lemma: The word as a dictionary has it; empty stands for the word of the first sentence.
    """

    first: tuple[str, int, int]
    second: tuple[str, int, int]
    same_sense: bool
    lemma: str = ""

    @property
    def group(self) -> str:
        """The lemma, whose pairs a bootstrap draws together."""
        text, begin, end = self.first
        return self.lemma or text[begin:end]


@dataclass(frozen=True)
class SenseScore:
    """How well a cosine separates same sense from different sense.

    Args:
        auc: The area under the ROC curve; chance is 0.5.
        interval: The 95 % interval of the area, by lemma.
        halves: The area in each half of the lines; None for a half whose pairs have one tag.
        accuracy: The share of pairs on the right side of a threshold chosen on other lemmas.
    """

    auc: float
    interval: Interval
    halves: tuple[float | None, float | None]
    accuracy: float


@dataclass(frozen=True)
class SenseDifference:
    """The area under the ROC curve of one model less that of another, on the same pairs.

    Args:
        auc: The difference.
        interval: Its 95 % interval by lemma, paired: both models are judged on the same draws.
    """

    auc: float
    interval: Interval


def read_pairs(path: Path) -> list[SensePair]:
    """Read the pairs of one file.

    Raises:
        CorpusError: a line is not a sense pair.
    """
    pairs = []
    for number, line in enumerate(path.read_text("utf-8").split("\n"), start=1):
        if not line:
            continue
        try:
            row = json.loads(line)
            first, second = (
                (str(row[f"sentence{i}"]), int(row[f"start{i}"]), int(row[f"end{i}"]))
                for i in (1, 2)
            )
            lemma = str(row.get("lemma", ""))
            pairs.append(SensePair(first, second, row["tag"] == "T", lemma))
        except (ValueError, KeyError, TypeError) as error:
            raise CorpusError(
                f"{path}, line {number}, is not a sense pair: {error!r}; correct or remove it"
            ) from error
    return pairs


def read_folder(folder: Path) -> dict[str, list[SensePair]]:
    """Read the pairs of each file in a folder, by the file's name without its suffix.

    Raises:
        CorpusError: the folder has no .jsonl file, a line is not a sense pair, or all pairs of a
            file have the same tag.
    """
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise CorpusError(
            f"{folder} has no .jsonl file of sense pairs; name the folder that has them"
        )
    found = {path.stem: read_pairs(path) for path in files}
    for path, pairs in zip(files, found.values(), strict=True):
        tags = {pair.same_sense for pair in pairs}
        if len(tags) < 2:
            raise CorpusError(
                f"{path} has {len(pairs)} pairs with {len(tags)} different tags; an area under the"
                " ROC curve needs pairs with T and with F: add some, or remove the file"
            )
    return found


def score_senses(
    encoder: Encoder,
    pairs: Sequence[SensePair],
    mixes: Mapping[str, ScalarMix],
    geometries: Geometries = ("raw", "centred"),
) -> dict[str, SenseScore]:
    """Score each of the `sense_cosines`."""
    return scores(sense_cosines(encoder, pairs, mixes, geometries), pairs)


def sense_cosines(
    encoder: Encoder,
    pairs: Sequence[SensePair],
    mixes: Mapping[str, ScalarMix],
    geometries: Geometries = ("raw", "centred"),
) -> dict[str, Cosines]:
    """Compute the cosine of each pair by every representation, raw and centred.

    The representations are each layer and the context, some of them side by side, and each mix.
    For comparison there are the characters around the word by tf-idf, which need no model.
    """
    cosines = {"bag of characters": _bag_cosine(pairs)}
    for geometry in geometries:
        centred = geometry == "centred"
        first, second = (
            representations(word_layers(encoder, words, centred), mixes)
            for words in ([pair.first for pair in pairs], [pair.second for pair in pairs])
        )
        for (name, one), (_, other) in zip(first, second, strict=True):
            cosines[f"{name}, centred" if centred else name] = _cosine(one, other)
    return cosines


def scores(cosines: Mapping[str, Cosines], pairs: Sequence[SensePair]) -> dict[str, SenseScore]:
    """Score the cosines of each representation."""
    same, bootstrap = _same(pairs), _bootstrap(pairs)
    numbers = {group: number for number, group in enumerate(dict.fromkeys(p.group for p in pairs))}
    is_even = np.array([numbers[pair.group] % 2 == 0 for pair in pairs])
    return {
        name: SenseScore(
            auc=auc(cosine, same),
            interval=interval(bootstrap.auc(cosine)),
            halves=_halves(cosine, same),
            accuracy=_accuracy(cosine, same, is_even),
        )
        for name, cosine in cosines.items()
    }


def differences(
    cosines: Mapping[str, Cosines], others: Mapping[str, Cosines], pairs: Sequence[SensePair]
) -> dict[str, SenseDifference]:
    """Compare two models by every representation that both have, on the same pairs."""
    same, bootstrap = _same(pairs), _bootstrap(pairs)
    found = {}
    for name in cosines.keys() & others.keys():
        one, other = cosines[name], others[name]
        draws = bootstrap.auc(one) - bootstrap.auc(other)
        found[name] = SenseDifference(auc(one, same) - auc(other, same), interval(draws))
    return {name: found[name] for name in cosines if name in found}


def word_layers(encoder: Encoder, words: Sequence[tuple[str, int, int]], centred: bool) -> Vectors:
    """Compute every layer's vector of each word, the context last: `[depth + 1, words, dim]`."""
    readout = Readout(encoder.artifact.layers, center=centred)
    found = []
    for begin in range(0, len(words), TEXTS_PER_CALL):
        some = words[begin : begin + TEXTS_PER_CALL]
        passages = [encoder.spans(text, [(start, end)]) for text, start, end in some]
        found += encoder.embed(passages, [readout] * len(passages))
    return np.concatenate(found, axis=1)


def representations(
    vectors: Vectors, mixes: Mapping[str, ScalarMix]
) -> Iterator[tuple[str, Vectors]]:
    """Yield named vectors of words from their `word_layers`: each, some side by side, each mix.

    Vectors that stand side by side are brought to one length first. Otherwise the longer one would
    decide the cosine: that of the context and layer 2 used to be the context's to five digits.
    """
    *depths, context = range(len(vectors))
    upper = "layers " + " and ".join(str(layer) for layer in depths[1:])
    groups = {f"layer {layer}": [layer] for layer in depths} | {
        "context": [context],
        upper: depths[1:],
        f"context and layer {depths[-1]}": [context, depths[-1]],
    }
    for name, group in groups.items():
        parts = vectors[group] if len(group) == 1 else _of_length_one(vectors[group])
        yield name, np.concatenate(parts, axis=-1)
    for name, mix in mixes.items():
        s = np.array(mix.weights, dtype=np.float32)
        yield f"mix {name}", np.einsum("j,jwd->wd", s, vectors[depths])


def _bag_cosine(pairs: Sequence[SensePair]) -> npt.NDArray[np.float64]:
    around = [text[:b] + text[e:] for pair in pairs for text, b, e in (pair.first, pair.second)]
    bags = TfidfVectorizer(analyzer="char").fit_transform(around)  # rows of unit length
    cosine: npt.NDArray[np.float64] = np.asarray(bags[::2].multiply(bags[1::2]).sum(axis=1))[:, 0]
    return cosine


def _of_length_one(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    found: Vectors = vectors / np.maximum(lengths, np.float32(1e-12))
    return found


def _cosine(one: Vectors, other: Vectors) -> Cosines:
    product = np.einsum("wd,wd->w", one, other, dtype=np.float64)
    norms = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    cosine: Cosines = product / np.maximum(norms, 1e-12)
    return cosine


def _same(pairs: Sequence[SensePair]) -> npt.NDArray[np.bool_]:
    return np.array([pair.same_sense for pair in pairs])


def _bootstrap(pairs: Sequence[SensePair]) -> Bootstrap:
    return Bootstrap([pair.group for pair in pairs], _same(pairs))


def _halves(cosine: Cosines, same: npt.NDArray[np.bool_]) -> tuple[float | None, float | None]:
    middle = len(same) // 2
    halves = [(cosine[half], same[half]) for half in (slice(middle), slice(middle, None))]
    one, other = (auc(*half) if 0 < half[1].sum() < len(half[1]) else None for half in halves)
    return one, other


def _accuracy(
    cosine: Cosines, same: npt.NDArray[np.bool_], is_even: npt.NDArray[np.bool_]
) -> float:
    right = 0
    for judged in (is_even, ~is_even):
        threshold = best_threshold(cosine[~judged], same[~judged])
        right += int(((cosine[judged] >= threshold) == same[judged]).sum())
    return right / len(same)


def best_threshold(cosine: Cosines, same: npt.NDArray[np.bool_]) -> float:
    """Return the least cosine from which on a pair is best said to have the same sense."""
    candidates = np.append(np.unique(cosine), np.inf)
    hits = same.sum() - np.searchsorted(np.sort(cosine[same]), candidates)
    rejections = np.searchsorted(np.sort(cosine[~same]), candidates)
    return float(candidates[np.argmax(hits + rejections)])
