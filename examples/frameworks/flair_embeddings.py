"""Vectors of biLM as Flair's `TokenEmbeddings`, with a mix that a tagger learns.

    from flair.data import Sentence
    from examples.frameworks.flair_embeddings import BiLMEmbeddings

    embeddings = BiLMEmbeddings("zh-small")
    sentence = Sentence(["我", "爱", "吃", "苹果"])
    embeddings.embed(sentence)
    sentence[3].embedding          # (1024,): the mean of the layers, as long as nothing is learned
    embeddings.elmo.named_mixes()  # what a tagger has learned, for the service

biLM reads the words of a sentence as Flair has cut them; no piece crosses the boundary of a word.
Flair's own tokeniser knows no Chinese, so give it a list of words, or of characters.

A saved tagger contains the weights, and it names the artifact, which must be there to load it.
"""

from collections.abc import Sequence
from typing import Any

import flair
from flair.data import Sentence
from flair.embeddings.base import TokenEmbeddings, register_embeddings

from biLM.nn import Elmo


@register_embeddings
class BiLMEmbeddings(TokenEmbeddings):
    """Give each token the vector that `Elmo` has for its word.

    Args:
        artifact: The name of a shipped model, or the folder of an artifact.
        dropout: Share of the values that is dropped in training. Flair's taggers drop some, too.
        options: The other options of `Elmo.load`: `requires_grad=True` trains the biLM, and
            `center=True` makes cosines meaningful.
    """

    def __init__(self, artifact: str = "zh-small", dropout: float = 0, **options: bool) -> None:
        self.name = "bilm"
        super().__init__()
        self._arguments = {"artifact": artifact, "dropout": dropout, **options}
        self.elmo = Elmo.load(artifact, dropout=dropout, **options)
        self.to(flair.device)
        self.eval()

    @property
    def embedding_length(self) -> int:
        """The width of a vector."""
        return self.elmo.dim

    def _everything_embedded(self, data_points: Sequence[Sentence]) -> bool:
        """Return False, so that Flair always reads a sentence with the mix as it is now.

        Flair keeps what was computed without gradients, such as the vectors of the split for
        development, and would not notice in the next epoch that the mix has changed.
        """
        return False

    def _add_embeddings_internal(self, sentences: list[Sentence]) -> None:
        """Read the sentences of a batch, and give their tokens the vectors."""
        read = self.elmo([[token.text for token in sentence] for sentence in sentences])
        (vectors,) = read["elmo_representations"]
        for sentence, rows in zip(sentences, vectors, strict=True):
            # The rows of padding come last, and no token belongs to them.
            for token, vector in zip(sentence, rows, strict=False):
                token.set_embedding(self.name, vector)

    def to_params(self) -> dict[str, Any]:
        """Return the arguments, which Flair stores in a saved model."""
        return self._arguments

    @classmethod
    def from_params(cls, params: dict[str, Any]) -> "BiLMEmbeddings":
        """Return the embeddings of a saved model; Flair loads the weights into them."""
        return cls(**params)
