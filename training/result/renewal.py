"""Give an existing artifact the rule by which texts are read today, without training it again."""

from dataclasses import replace
from pathlib import Path

from biLM.artifact import load_artifact, save_artifact
from biLM.tokenizer import Tokenizer

from ..errors import TrainingError
from ..text.normaliser import FACTS, has_normaliser, with_normaliser


def renew(artifact: str | Path, out: Path) -> str:
    """Write an artifact with the present normaliser in its vocabulary, and return its revision.

    Pieces, weights, mixes and golden vectors stay the same bytes. The card names the revision that
    was renewed.

    Args:
        artifact: The folder of the artifact, or the name of a shipped model.
        out: The folder to write, which may be the same: it keeps the old artifact until the
            new one is complete.

    Raises:
        ArtifactError: the artifact cannot be loaded, or its folder cannot be replaced.
        TrainingError: it has the present normaliser, or would read a golden text in another way.
    """
    before = load_artifact(artifact)
    if has_normaliser(before.pieces_model):
        raise TrainingError(f"{artifact} has the present normaliser; there is nothing to renew")
    pieces_model = with_normaliser(before.pieces_model)
    tokenizer = Tokenizer(pieces_model)
    for golden in before.golden:
        if tokenizer.encode(golden.text).ids != golden.ids:
            raise TrainingError(
                f"a golden text of {artifact} has other pieces under the present normaliser, so its"
                " vectors would be others; train a model on text that is read by it"
            )
    card = {**before.card, "normaliser": {**FACTS, "renewed": before.revision}}
    return save_artifact(replace(before, pieces_model=pieces_model, card=card), out)
