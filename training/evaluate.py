"""A trained run -> its figures: bits per character by source and direction, and senses by layer."""

from dataclasses import asdict
from pathlib import Path

from biLM.encoder import Encoder
from biLM.files import to_json, write_atomically
from training.assemble import assemble, load_objective
from training.checkpoint import saved_config
from training.held_out import score
from training.metrics import LanguageModelScore
from training.objective import BiLMObjective
from training.senses import read_pairs, score_senses
from training.shards import Shards

NAME = "evaluation.json"
DIRECTIONS = ("forward", "backward")


def evaluate(run: Path, shards: Shards, senses: Path | None) -> dict[str, object]:
    """Score a run on held-out text, and on sense pairs if a folder of them is given.

    Both are taken of the weights as the artifact will hold them. Writes `evaluation.json`.

    Raises:
        TrainingError: the run has no checkpoint, or a file of pairs cannot be read.
    """
    objective = load_objective(run, shards)
    artifact = assemble(objective, saved_config(run).name, shards)
    figures: dict[str, object] = {"held_out": score_sources(objective, shards)}
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
    """Perplexity and bits per character of each direction: over all sources, and each alone."""
    nothing = LanguageModelScore(0.0, 0, 0)
    totals = [nothing, nothing]
    table = {}
    characters = shards.held_out_characters()
    for source, shard in shards.held_out().items():
        found = score(objective, shard, characters[source])
        totals = [total + one for total, one in zip(totals, found, strict=True)]
        table[source] = _figures(found[0], found[1])
    return {"all": _figures(totals[0], totals[1]), **table}


def _figures(forward: LanguageModelScore, backward: LanguageModelScore) -> dict[str, object]:
    figures: dict[str, object] = {
        "characters": forward.characters,
        "predictions": forward.predictions,
    }
    for direction, found in zip(DIRECTIONS, (forward, backward), strict=True):
        figures[f"{direction}_bits_per_character"] = round(found.bits_per_character, 4)
        figures[f"{direction}_perplexity"] = round(found.perplexity, 2)
    return figures
