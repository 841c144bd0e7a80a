"""Write static vectors of the most frequent words of a text file, as gensim's `KeyedVectors`.

    from pathlib import Path
    from biLM import Encoder
    from examples.frameworks.gensim_vectors import static_vectors

    Path("words.txt").write_text("我 爱 吃 苹果 ， 他 爱 吃 香蕉", "utf-8")
    vectors = static_vectors(Encoder.load("zh-small"), "words.txt", num_words=7)
    vectors["爱"]                                # (256,): the mean context of 爱
    vectors.most_similar("苹果", topn=1)[0][0]  # 香蕉, which stands in a place like it
    vectors.save("words.kv")

On a command line, `python -m examples.frameworks.gensim_vectors words.txt words.kv --layer 0`.

A line of the file is a sentence, with white space between its words: a text in Chinese has to be
segmented first. A word's vector is the mean of one layer over its first occurrences. The layer
`context` is what the model expects in the place of the word without seeing it, so words that fit
the same places are near each other. Layer 0 is the piece embedding: one occurrence is enough.
"""

import argparse
from collections import Counter
from collections.abc import Iterable
from itertools import chain

import numpy as np
from gensim.models import KeyedVectors
from gensim.models.word2vec import LineSentence
from gensim.utils import grouper

from biLM import Encoder, Readout

Layer = str | int
SENTENCES_AT_ONCE = 64
# These layers repeat the values of an embedding to the full width. One copy has the same cosines.
REPEATED = (0, "context")


def main() -> None:
    """Read the arguments, and write the vectors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", help="a sentence on each line, white space between words")
    parser.add_argument("out", help="the file to write; KeyedVectors.load reads it")
    parser.add_argument("--artifact", default="zh-small", help="a shipped model, or a folder")
    parser.add_argument("--layer", default="context", help="a number, or context")
    parser.add_argument("--words", type=int, default=20000, help="how many words to write")
    parser.add_argument("--occurrences", type=int, default=100, help="how many to read of a word")
    given = parser.parse_args()
    layer = int(given.layer) if given.layer.isdecimal() else given.layer
    encoder = Encoder.load(given.artifact)
    vectors = static_vectors(encoder, given.texts, given.words, layer, given.occurrences)
    vectors.save(given.out)
    print(f"{given.out}: {len(vectors)} words of {vectors.vector_size} values")


def static_vectors(
    encoder: Encoder,
    path: str,
    num_words: int,
    layer: Layer = "context",
    max_occurrences: int = 100,
) -> KeyedVectors:
    """Return a vector of each of the most frequent words, the most frequent first.

    Vectors are centred, because gensim compares them by their cosines. A word without pieces, such
    as U+200B alone, is left out, because the cosines of a zero vector are not defined.

    Args:
        encoder: The encoder.
        path: The text file, in UTF-8.
        num_words: The largest number of words to return.
        layer: The layer: a number, or `context`.
        max_occurrences: How many occurrences of a word to read; the mean is over these.

    Raises:
        ValueError: a number is below 1, or the model has no such layer.
    """
    if num_words < 1 or max_occurrences < 1:
        raise ValueError(f"{num_words=} and {max_occurrences=}; give numbers of at least 1")
    if layer not in encoder.artifact.layers:
        raise ValueError(f"the layer is {layer!r}; give one of {encoder.artifact.layers}")
    sentences = LineSentence(path)
    counts = Counter(chain.from_iterable(sentences))
    frequent = [word for word, _ in counts.most_common(num_words) if encoder.words([word]).ids]
    means = mean_vectors(encoder, sentences, frequent, layer, max_occurrences)
    width = encoder.artifact.config.embedding_size if layer in REPEATED else means.shape[1]
    vectors = KeyedVectors(width)
    vectors.add_vectors(frequent, means[:, :width].astype(np.float32))
    for word in frequent:
        vectors.set_vecattr(word, "count", counts[word])
    return vectors


def mean_vectors(
    encoder: Encoder,
    sentences: Iterable[list[str]],
    words: list[str],
    layer: Layer,
    max_occurrences: int,
) -> np.ndarray:
    """Return the mean of a layer over the first occurrences of each word, `[words, dim]`."""
    rows = {word: row for row, word in enumerate(words)}
    sums = np.zeros((len(words), encoder.artifact.config.dim))
    numbers = np.zeros(len(words), dtype=int)
    readout = Readout((layer,), center=True)
    for group in grouper(sentences, SENTENCES_AT_ONCE):
        read = [s for s in group if any(numbers[rows[w]] < max_occurrences for w in s if w in rows)]
        found = encoder.embed([encoder.words(s) for s in read], [readout] * len(read))
        for sentence, (vectors,) in zip(read, found, strict=True):
            for word, vector in zip(sentence, vectors, strict=True):
                row = rows.get(word)
                if row is not None and numbers[row] < max_occurrences:
                    sums[row] += vector
                    numbers[row] += 1
    return sums / numbers[:, None]


if __name__ == "__main__":
    main()
