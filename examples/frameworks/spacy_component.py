"""A spaCy component that gives tokens, spans and texts the vectors of biLM.

    import spacy
    import examples.frameworks.spacy_component  # makes the component known to spaCy

    nlp = spacy.blank("zh")
    nlp.add_pipe("bilm", config={"center": True})
    doc = nlp("我的苹果手机没电了。")
    doc.tensor       # (10, 1024): a row for each token, which spaCy returns as token.vector
    doc[2:4]._.bilm  # (1024,): 苹果, as the service returns it for the span [2, 4)

The text is read as a whole and cut into pieces without regard to spaCy's tokens. A vector is the
mean over the pieces that touch a token or a span. It is zero if there are none, as for U+200B.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from spacy.language import Language
from spacy.tokens import Doc, Span, Token
from spacy.util import minibatch

from biLM import Encoder, Readout

Vector = npt.NDArray[np.float32]
# The key of what `Doc.user_data` keeps, so that a saved Doc still has the vectors of its spans.
KEPT = "bilm"


class BiLMComponent:
    """Read texts, and keep the vectors of their pieces.

    Args:
        encoder: The encoder.
        readout: How a vector is made of the layers; it must give one vector for each row.
    """

    def __init__(self, encoder: Encoder, readout: Readout) -> None:
        self._encoder, self._readout = encoder, readout

    def __call__(self, doc: Doc) -> Doc:
        """Read one text."""
        return next(self.pipe([doc]))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 32) -> Iterator[Doc]:
        """Read several texts at a time, which is faster; their vectors are the same."""
        for docs in minibatch(stream, batch_size):
            passages = [self._encoder.pieces(doc.text) for doc in docs]
            found = self._encoder.embed(passages, [self._readout] * len(docs))
            for doc, vectors in zip(docs, found, strict=True):
                ranges = self._encoder.chars(doc.text).ranges
                by_char = np.array(ranges, dtype=np.int32).reshape(-1, 2)
                doc.user_data[KEPT] = {"pieces": vectors, "ranges": by_char}
                # An empty Doc has no rows to stack, but its rows have a width all the same.
                rows = [vector_of_token(token) for token in doc]
                doc.tensor = np.stack(rows) if rows else vectors[:0]
                yield doc


@Language.factory("bilm", default_config={"artifact": "zh-small", "mix": "default"})
def make_bilm(
    nlp: Language, name: str, artifact: str, mix: str, center: bool = False
) -> BiLMComponent:
    """Return the component.

    Args:
        nlp: The pipeline.
        name: The name of the component in it.
        artifact: The name of a shipped model, or the folder of an artifact.
        mix: The name of a mix of the artifact.
        center: Whether mean vectors are subtracted, which makes cosines meaningful.
    """
    encoder = Encoder.load(artifact)
    return BiLMComponent(encoder, Readout(encoder.mix(mix), center=center))


def vector_of_chars(doc: Doc, begin: int, end: int) -> Vector:
    """Return the mean over the pieces that touch the code points [begin, end) of a text.

    Raises:
        ValueError: the component has not read the text.
    """
    kept: dict[str, Any] | None = doc.user_data.get(KEPT)
    if kept is None:
        raise ValueError(
            f"the text of {len(doc)} tokens has no vectors of biLM; every text needs to pass the"
            " component: call nlp.add_pipe('bilm') before the text is read"
        )
    ranges = kept["ranges"][begin:end]
    touched = ranges[ranges[:, 0] < ranges[:, 1]]
    if not len(touched):
        return np.zeros(kept["pieces"].shape[1], dtype=np.float32)
    vector: Vector = kept["pieces"][touched[0, 0] : touched[-1, 1]].mean(axis=0)
    return vector


def vector_of_token(token: Token) -> Vector:
    """Return the vector of a token."""
    return vector_of_chars(token.doc, token.idx, token.idx + len(token))


Token.set_extension("bilm", getter=vector_of_token, force=True)
Span.set_extension(
    "bilm",
    getter=lambda span: vector_of_chars(span.doc, span.start_char, span.end_char),
    force=True,
)
Doc.set_extension("bilm", getter=lambda doc: vector_of_chars(doc, 0, len(doc.text)), force=True)
