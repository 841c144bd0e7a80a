"""Score a trained run: its predictions by source and head, and its senses by layer."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from biLM.artifact import Artifact, round_weights
from biLM.encoder import Encoder
from biLM.files import to_json, write_atomically
from biLM.network.config import BiLMConfig
from biLM.network.heads import SIDES
from biLM.tokenizer import Tokenizer

from ..run.checkpoint import load_checkpoint
from ..run.held_out import NO_SCORES, Scores, added, judgements
from ..run.initial import check_vocabulary, objective_of
from ..run.objective import BiLMObjective
from ..text.shards import Shard, Shards
from .assemble import assemble, load_objective, require_lstm
from .senses import read_folder, score_senses

NAME = "evaluation.json"
# A piece of at least this many Han characters counts as a word.
WORD_CHARACTERS = 2
LANGUAGE_MODELS = ("forward", "backward")


def evaluate(
    run: Path, shards: Shards, senses: Path | None = None, before: Artifact | None = None
) -> dict[str, object]:
    """Score a run and write `evaluation.json`.

    All figures are computed with the weights rounded as the artifact will hold them.

    Args:
        run: The folder of the run.
        shards: The shards it was trained on, with their held-out text.
        senses: A folder of word-in-context pairs; None leaves out the senses.
        before: An artifact of the same vocabulary, such as the one the run started from, to be
            scored on the same held-out text.

    Raises:
        TrainingError: the run has no checkpoint, a file of pairs cannot be read, the artifact has
            another vocabulary, or senses are requested for a cell other than the LSTM.
    """
    checkpoint = load_checkpoint(run)
    pairs = {}
    # The checks that may refuse the run come first, because they take no time.
    if before is not None:
        check_vocabulary(before, shards)
    if senses is not None:
        require_lstm(checkpoint.config)
        pairs = read_folder(senses)
    objective = load_objective(checkpoint, shards)
    round_weights(objective)
    held_out, fill = score_held_out(objective, shards)
    figures: dict[str, object] = {
        "step": checkpoint.progress.step,
        "held_out": held_out,
        "fill": fill,
        "frequencies_bits_per_character": round(frequency_bits(shards, objective.bilm.config), 4),
    }
    if before is not None:
        table, _ = score_held_out(objective_of(before, shards), shards)
        figures["before"] = {
            "id": before.id,
            "revision": before.revision,
            "training": before.card.get("training"),
            "held_out": {"all": table["all"]},
        }
    if pairs:
        artifact = assemble(objective, checkpoint.config, shards)
        encoder = Encoder(artifact)
        encoder.warm_up()
        figures["senses"] = {
            name: {
                vector: asdict(score)
                for vector, score in score_senses(encoder, some, artifact.mixes).items()
            }
            for name, some in pairs.items()
        }
    write_atomically(run / NAME, to_json(figures))
    return figures


def score_held_out(
    objective: BiLMObjective, shards: Shards
) -> tuple[dict[str, dict[str, object]], dict[str, object]]:
    """Score how well each head predicts all held-out text, each source, and the words alone.

    The first result has the figures of all sources together and of each one; the second has those
    of the words. A word is a piece of two or more Han characters; predicting it means filling a
    blank with it.
    """
    is_word = words_of(Tokenizer(shards.vocabulary.read_bytes())).to(objective.heads.bias.device)
    characters = shards.manifest.held_out_characters
    everything, words, table = NO_SCORES, NO_SCORES, {}
    for source, shard in shards.held_out().items():
        found = NO_SCORES
        for judged in judgements(objective, shard):
            found = added(found, judged)
            words = added(words, [one.only(is_word[one.targets]) for one in judged])
        table[source] = _figures(found, characters[source])
        everything = tuple(all_ + one for all_, one in zip(everything, found, strict=True))
    fill: dict[str, object] = {"places": words[0].predictions}
    for side, one in zip(SIDES, words, strict=True):
        fill[side] = {f"accuracy_at_{k}": round(one.accuracy_at(k), 4) for k in (1, 10)}
    return {"all": _figures(everything, sum(characters.values())), **table}, fill


def frequency_bits(shards: Shards, sizes: BiLMConfig) -> float:
    """Return the bits per held-out character if only the frequency of each piece is known."""
    counts = shards.counts + 1.0
    counts[sizes.bos_id] = 0.0  # it is read and never predicted
    found = Shard.joined(list(shards.held_out().values()))
    seen = np.bincount(found.pieces, minlength=len(counts))
    seen[sizes.eos_id] = len(found)
    is_seen = seen > 0
    bits = np.log2(counts.sum()) - np.log2(counts[is_seen])
    return float(seen[is_seen] @ bits) / max(1, sum(shards.manifest.held_out_characters.values()))


def words_of(tokenizer: Tokenizer) -> Bool[Tensor, " vocab"]:
    """Mark the pieces that are words of two or more Han characters."""
    pieces = map(tokenizer.piece, range(tokenizer.num_pieces))
    return torch.tensor([len(p) >= WORD_CHARACTERS and all(map(_is_han, p)) for p in pieces])


def _is_han(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"


def _figures(found: Scores, characters: int) -> dict[str, object]:
    figures: dict[str, object] = {"characters": characters, "predictions": found[0].predictions}
    for side, one in zip(SIDES, found, strict=True):
        if side in LANGUAGE_MODELS:
            bits = round(one.bits_per_character(characters), 4)
            figures[f"{side}_bits_per_character"] = bits
        figures[f"{side}_perplexity"] = round(one.perplexity, 2)
        for k in (1, 10):
            figures[f"{side}_accuracy_at_{k}"] = round(one.accuracy_at(k), 4)
    return figures
