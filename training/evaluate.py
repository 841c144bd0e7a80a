"""A trained run -> its figures: prediction by source and head, and senses by layer."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from biLM.artifact import Artifact
from biLM.config import BiLMConfig
from biLM.encoder import Encoder
from biLM.files import to_json, write_atomically
from biLM.heads import SIDES
from biLM.tokenizer import Tokenizer
from training.assemble import assemble, load_objective
from training.checkpoint import load_checkpoint
from training.held_out import score
from training.initial import objective_of
from training.metrics import LanguageModelScore
from training.objective import BiLMObjective
from training.senses import read_pairs, score_senses
from training.shards import Shard, Shards

NAME = "evaluation.json"
WORD_CHARACTERS = 2  # a piece of so many Han characters is a word
LANGUAGE_MODELS = ("forward", "backward")


def evaluate(
    run: Path, shards: Shards, senses: Path | None = None, before: Artifact | None = None
) -> dict[str, object]:
    """Score a run and write `evaluation.json`.

    All are taken of the weights as the artifact will hold them.

    Args:
        run: Its folder.
        shards: What it was trained on, and the held-out text.
        senses: Folder of word-in-context pairs.
        before: An artifact of the same vocabulary, to be scored on the same held-out text.

    Raises:
        TrainingError: the run has no checkpoint, a file of pairs cannot be read, or the artifact is
            of another vocabulary.
    """
    checkpoint = load_checkpoint(run)
    objective = load_objective(checkpoint, shards)
    artifact = assemble(objective, checkpoint.config.name, shards)
    figures: dict[str, object] = {
        "held_out": score_sources(objective, shards),
        "fill": score_words(objective, shards),
        "frequencies_bits_per_character": round(frequency_bits(shards, artifact.config), 4),
    }
    if before is not None:
        figures["before"] = score_sources(objective_of(before, shards), shards)
    if senses is not None:
        encoder = Encoder(artifact)
        figures["senses"] = {
            path.stem: {
                name: asdict(score)
                for name, score in score_senses(encoder, read_pairs(path), artifact.mixes).items()
            }
            for path in sorted(senses.glob("*.jsonl"))
        }
    write_atomically(run / NAME, to_json(figures))
    return figures


def score_sources(objective: BiLMObjective, shards: Shards) -> dict[str, dict[str, object]]:
    """How well each head predicts: over all sources, and each alone."""
    totals, characters = [LanguageModelScore()] * len(SIDES), 0
    table = {}
    for source, shard in shards.held_out().items():
        found = score(objective, shard)
        totals = [total + one for total, one in zip(totals, found, strict=True)]
        characters += shards.held_out_characters()[source]
        table[source] = _figures(found, shards.held_out_characters()[source])
    return {"all": _figures(totals, characters), **table}


def score_words(objective: BiLMObjective, shards: Shards) -> dict[str, object]:
    """How often each head has the right word among its first: a blank of one word, held out."""
    everything = Shard.joined(list(shards.held_out().values()))
    found = score(objective, everything, among=words_of(Tokenizer(shards.vocabulary.read_bytes())))
    places: dict[str, object] = {"places": found[0].predictions}
    return places | {
        side: {f"accuracy_at_{k}": round(one.accuracy_at(k), 4) for k in (1, 10)}
        for side, one in zip(SIDES, found, strict=True)
    }


def frequency_bits(shards: Shards, sizes: BiLMConfig) -> float:
    """Bits per held-out character if all that is known is how frequent each piece is."""
    counts = shards.counts + 1.0
    counts[sizes.bos_id] = 0.0  # read, never predicted
    found = Shard.joined(list(shards.held_out().values()))
    seen = np.bincount(found.pieces, minlength=len(counts))
    seen[sizes.eos_id] = len(found)
    is_seen = seen > 0
    bits = np.log2(counts.sum()) - np.log2(counts[is_seen])
    return float(seen[is_seen] @ bits) / max(1, sum(shards.held_out_characters().values()))


def words_of(tokenizer: Tokenizer) -> Bool[Tensor, " vocab"]:
    """Which pieces are words of two or more Han characters."""
    pieces = map(tokenizer.piece, range(tokenizer.num_pieces))
    return torch.tensor([len(p) >= WORD_CHARACTERS and all(map(_is_han, p)) for p in pieces])


def _is_han(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"


def _figures(found: list[LanguageModelScore], characters: int) -> dict[str, object]:
    figures: dict[str, object] = {"characters": characters, "predictions": found[0].predictions}
    for side, one in zip(SIDES, found, strict=True):
        if side in LANGUAGE_MODELS:
            bits = round(one.bits_per_character(characters), 4)
            figures[f"{side}_bits_per_character"] = bits
        figures[f"{side}_perplexity"] = round(one.perplexity, 2)
        for k in (1, 10):
            figures[f"{side}_accuracy_at_{k}"] = round(one.accuracy_at(k), 4)
    return figures
