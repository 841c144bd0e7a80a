"""Score how well the cosine of a word's two vectors separates same sense from different sense.

Word-in-Context pairs (Pilehvar and Camacho-Collados 2019; XL-WiC, MCL-WiC) are JSON lines with
`sentence1, start1, end1, sentence2, start2, end2, tag`. Tag T means the same sense, and offsets are
in code points. A score consists of the area under the ROC curve and the accuracy at the best
threshold. The pairs are used to measure, never to train.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import roc_auc_score, roc_curve

from biLM.encoder import Encoder
from biLM.network.scalar_mix import ScalarMix
from biLM.questions.readout import Readout

from ..errors import CorpusError

TEXTS_PER_CALL = 256
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SensePair:
    """One word in two sentences, each given as a text and the word's begin and end in it."""

    first: tuple[str, int, int]
    second: tuple[str, int, int]
    same_sense: bool


@dataclass(frozen=True)
class SenseScore:
    """How well a cosine separates same sense from different sense; chance is 0.5 and 0.5."""

    auc: float
    accuracy: float


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
            pairs.append(SensePair(first, second, row["tag"] == "T"))
        except (ValueError, KeyError, TypeError) as error:
            raise CorpusError(
                f"{path}, line {number}, is not a sense pair: {error!r}; correct or remove it"
            ) from error
    return pairs


def read_folder(folder: Path) -> dict[str, list[SensePair]]:
    """Read the pairs of each file in a folder, by the file's name without its suffix.

    Raises:
        CorpusError: the folder has no .jsonl file, or a line is not a sense pair.
    """
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise CorpusError(
            f"{folder} has no .jsonl file of sense pairs; name the folder that has them"
        )
    return {path.stem: read_pairs(path) for path in files}


def score_senses(
    encoder: Encoder,
    pairs: Sequence[SensePair],
    mixes: Mapping[str, ScalarMix],
    geometries: Sequence[Literal["raw", "centred"]] = ("raw", "centred"),
) -> dict[str, SenseScore]:
    """Score each layer and the context, some of them together, and each mix, raw and centred.

    For comparison, it also scores the characters around the word by tf-idf, which needs no model.
    """
    same = np.array([pair.same_sense for pair in pairs])
    scores = {"bag of characters": _score(_bag_cosine(pairs), same)}
    for geometry in geometries:
        centred = geometry == "centred"
        first, second = (
            representations(word_layers(encoder, words, centred), mixes)
            for words in ([pair.first for pair in pairs], [pair.second for pair in pairs])
        )
        for (name, one), (_, other) in zip(first, second, strict=True):
            scores[f"{name}, centred" if centred else name] = _score(_cosine(one, other), same)
    return scores


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
    """Yield named vectors of words from their `word_layers`: each, some concatenated, each mix."""
    *depths, context = range(len(vectors))
    upper = "layers " + " and ".join(str(layer) for layer in depths[1:])
    groups = {f"layer {layer}": [layer] for layer in depths} | {
        "context": [context],
        upper: depths[1:],
        f"context and layer {depths[-1]}": [context, depths[-1]],
    }
    for name, group in groups.items():
        yield name, np.concatenate(vectors[group], axis=-1)
    for name, mix in mixes.items():
        s = np.array(mix.weights, dtype=np.float32)
        yield f"mix {name}", np.einsum("j,jwd->wd", s, vectors[depths])


def _bag_cosine(pairs: Sequence[SensePair]) -> npt.NDArray[np.float64]:
    around = [text[:b] + text[e:] for pair in pairs for text, b, e in (pair.first, pair.second)]
    bags = TfidfVectorizer(analyzer="char").fit_transform(around)  # rows of unit length
    cosine: npt.NDArray[np.float64] = np.asarray(bags[::2].multiply(bags[1::2]).sum(axis=1))[:, 0]
    return cosine


def _cosine(one: Vectors, other: Vectors) -> npt.NDArray[np.float64]:
    product = np.einsum("wd,wd->w", one, other, dtype=np.float64)
    norms = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    cosine: npt.NDArray[np.float64] = product / np.maximum(norms, 1e-12)
    return cosine


def _score(cosine: npt.NDArray[np.float64], same: npt.NDArray[np.bool_]) -> SenseScore:
    false_alarms, hits, _ = roc_curve(same, cosine, drop_intermediate=False)
    right = hits * same.sum() + (1 - false_alarms) * (~same).sum()
    return SenseScore(float(roc_auc_score(same, cosine)), float(right.max() / len(same)))
