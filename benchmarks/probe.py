"""Measure what a linear classifier reads from each layer: topic, sentiment, tags of characters.

python -m benchmarks.probe models/zh-small --tasks TASKS

The biLM is frozen. For each representation, centred and bounded, a logistic regression is trained
on the task's training part and scored on its development part. The test parts are not read.

    titles     `thucnews_titles`, topic of a title, mean over the vectors of its pieces
    reviews    `waimai_10k`, sentiment of a review, likewise
    tags       `resume_ner`, tag of a character (entity and place in it)

Every dimension is scaled by its deviation in the training part, so only directions matter, not
lengths.
"""

import argparse
import lzma
import random
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from biLM.encoder import Encoder
from biLM.network.scalar_mix import ScalarMix
from biLM.questions.passage import Passage
from biLM.questions.readout import Readout

# The most texts that are read of each part.
MAX_TEXTS = 3000
# The most tagged sentences that are read of each part.
MAX_SENTENCES = 400
INVERSE_PENALTY = 0.01
TEXTS_PER_CALL = 256
LABEL_COLUMN = {"thucnews_titles": 1, "waimai_10k": 0}
Vectors = npt.NDArray[np.float32]


def main() -> None:
    """Print a table of accuracies: a row for each representation, a column for each task."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--tasks", type=Path, required=True)
    parser.add_argument(
        "--mix", action="append", default=[], help="weights of a mix to try, such as 0,-1,1.5"
    )
    given = parser.parse_args()
    encoder = Encoder.load(given.artifact)
    encoder.warm_up()
    mixes = dict(encoder.artifact.mixes)
    mixes |= {written: ScalarMix(tuple(map(float, written.split(",")))) for written in given.mix}
    columns = probe(encoder, mixes, given.tasks)
    print(f"{'':24}" + "".join(f"{name:>10}" for name in columns))
    for name in columns["titles"]:
        print(f"{name:24}" + "".join(f"{column[name]:10.3f}" for column in columns.values()))


def probe(
    encoder: Encoder,
    mixes: Mapping[str, ScalarMix],
    tasks: Path,
    names: Collection[str] | None = None,
) -> dict[str, dict[str, float]]:
    """Return the accuracy on each task's development part, by representation.

    Args:
        encoder: The encoder of the frozen biLM.
        mixes: The mixes to score, by name.
        tasks: The folder of the tasks.
        names: Names of the representations to score; None means all.
    """
    found = {}
    for name, folder in (("titles", "thucnews_titles"), ("reviews", "waimai_10k")):
        parts = [
            texts(encoder, tasks / folder / f"{part}.tsv.xz", LABEL_COLUMN[folder])
            for part in ("train", "dev")
        ]
        found[name] = accuracies(encoder, mixes, *parts, names)
    parts = [
        tagged(encoder, tasks / "resume_ner" / f"{part}.char.bmes.xz") for part in ("train", "dev")
    ]
    found["tags"] = accuracies(encoder, mixes, *parts, names)
    return found


def texts(encoder: Encoder, path: Path, label_column: int) -> tuple[list[Passage], list[str]]:
    """Read labelled texts, each with a row for every piece."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        every = [line.split("\t") for line in file]
    lines = random.Random(1).sample(every, min(MAX_TEXTS, len(every)))  # some files are sorted
    passages = [encoder.pieces(line[1 - label_column].strip()) for line in lines]
    return passages, [line[label_column].strip() for line in lines]


def tagged(encoder: Encoder, path: Path) -> tuple[list[Passage], list[str]]:
    """Read tagged sentences, with a row and a label for each character."""
    passages, labels = [], []
    with lzma.open(path, "rt", encoding="utf-8") as file:
        sentences = file.read().strip().split("\n\n")
    for sentence in sentences[:MAX_SENTENCES]:
        pairs = [line.split() for line in sentence.splitlines()]
        passages.append(encoder.words([character for character, _ in pairs]))
        labels += [tag for _, tag in pairs]
    return passages, labels


def accuracies(
    encoder: Encoder,
    mixes: Mapping[str, ScalarMix],
    train: tuple[list[Passage], list[str]],
    dev: tuple[list[Passage], list[str]],
    names: Collection[str] | None,
) -> dict[str, float]:
    """Return the accuracy on a development part of each representation, or of those in `names`."""
    found = {}
    of_texts = len(train[0]) == len(train[1])  # there is a label for each text, not for each row
    sides = []
    for passages, _ in (train, dev):
        every = representations(encoder, mixes, passages, of_texts)
        sides.append({name: x for name, x in every if names is None or name in names})
    for name in sides[0]:
        classifier = make_pipeline(
            StandardScaler(), LogisticRegression(C=INVERSE_PENALTY, max_iter=200, tol=1e-3)
        )
        classifier.fit(sides[0][name], train[1])
        found[name] = float(classifier.score(sides[1][name], dev[1]))
    return found


def representations(
    encoder: Encoder, mixes: Mapping[str, ScalarMix], passages: list[Passage], of_texts: bool
) -> Iterator[tuple[str, Vectors]]:
    """Yield each layer, the context and each mix by name, as `[rows, width]`.

    A row is the mean of a text's vectors if `of_texts`, otherwise one of its vectors.
    """
    readout = Readout(encoder.artifact.layers, center=True)
    found = []
    for begin in range(0, len(passages), TEXTS_PER_CALL):
        some = passages[begin : begin + TEXTS_PER_CALL]
        rows = encoder.embed(some, [readout] * len(some))
        found += [x.mean(axis=1, keepdims=True) for x in rows] if of_texts else rows
    *layers, context = np.concatenate(found, axis=1)
    for number, layer in enumerate(layers):
        yield f"layer {number}", layer
    # The context is repeated to fill the full width; once is enough.
    yield "context", context[:, : encoder.artifact.config.embedding_size]
    for name, mix in mixes.items():
        weighted = (s * layer for s, layer in zip(mix.weights, layers, strict=True))
        yield f"mix {name}", sum(weighted, np.zeros_like(layers[0]))


if __name__ == "__main__":
    main()
