"""Compute the golden vectors of an artifact, which other machines compare with their own."""

from collections.abc import Sequence

from biLM.artifact import Golden
from biLM.encoder import Encoder
from biLM.questions.readout import Readout


def make_golden(encoder: Encoder, texts: Sequence[str]) -> tuple[Golden, ...]:
    """Return the golden texts of an artifact, each with its piece ids and its vectors.

    The vectors of a text are the means over its pieces, one for each layer. The machine that
    exports the artifact computes them, and every other machine has to reproduce them.
    """
    passages = [encoder.pieces(text) for text in texts]
    vectors = encoder.embed(passages, [Readout(encoder.artifact.layers)] * len(passages))
    return tuple(
        Golden(text, passage.ids, found.mean(axis=1))
        for text, passage, found in zip(texts, passages, vectors, strict=True)
    )
