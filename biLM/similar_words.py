"""List words that a model expects in similar contexts, which shows what it has learned."""

import re

from torch import nn

from biLM.artifact import Artifact
from biLM.tokenizer import Tokenizer

# The list has at most NUM_WORDS words, which stand WORD_STEP apart in the order of frequency.
NUM_WORDS = 10
WORD_STEP = 40
NUM_NEIGHBOURS = 5
# A word is a piece of two or more Han characters.
WORD = re.compile("[\u4e00-\u9fff]{2,}")


def similar_words(artifact: Artifact, tokenizer: Tokenizer) -> dict[str, list[str]]:
    """Return some frequent words, each with the words whose vectors are nearest to its own.

    A head scores a word by the dot product of the word's vector and of what the head expects, so
    words with similar vectors are expected in similar contexts. Nearest means the highest cosine,
    after the mean vector of all words has been subtracted.

    Args:
        artifact: The model and its heads.
        tokenizer: Reads the vocabulary of the artifact.
    """
    pieces = [tokenizer.piece(number) for number in range(tokenizer.num_pieces)]
    ids = [number for number, piece in enumerate(pieces) if WORD.fullmatch(piece)]
    ids.sort(key=lambda number: -float(artifact.heads.bias[number]))
    if not ids:
        return {}
    vectors = artifact.model.embedding.weight[ids]
    vectors = nn.functional.normalize(vectors - vectors.mean(dim=0))
    found = {}
    for row in range(0, len(ids), WORD_STEP)[:NUM_WORDS]:
        nearest = (vectors @ vectors[row]).argsort(descending=True)[: NUM_NEIGHBOURS + 1].tolist()
        others = [pieces[ids[one]] for one in nearest if one != row]
        found[pieces[ids[row]]] = others[:NUM_NEIGHBOURS]
    return found
