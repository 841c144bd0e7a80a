"""Compute the golden vectors of an artifact, by which other machines test themselves."""

from collections.abc import Sequence

from biLM.artifact import Golden
from biLM.encoder import Encoder
from biLM.questions.readout import Readout


def make_golden(encoder: Encoder, texts: Sequence[str]) -> tuple[Golden, ...]:
    """Compute the self-test of an artifact: the vectors of these texts on the exporting machine."""
    passages = [encoder.pieces(text) for text in texts]
    vectors = encoder.embed(passages, [Readout(encoder.artifact.layers)] * len(passages))
    return tuple(
        Golden(text, passage.ids, found.mean(axis=1))
        for text, passage, found in zip(texts, passages, vectors, strict=True)
    )
