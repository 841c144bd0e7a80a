"""A trained and evaluated run -> an artifact folder with golden vectors and a card."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from biLM.artifact import Golden, save_artifact
from biLM.encoder import Encoder
from biLM.readout import Readout
from training.assemble import assemble, load_objective
from training.checkpoint import Progress, load_checkpoint
from training.errors import TrainingError
from training.evaluate import NAME as EVALUATION
from training.shards import Shards

GOLDEN_TEXTS = (
    "我吃了一个苹果。",
    "我在用苹果手机。",
    "医生说病毒已经扩散，要马上手术！",
    "The virus scanner found 3 files. 😀",
    "这一段话比较长，" * 12 + "所以要分成几块来读。",
)


def export(run: Path, shards: Shards, out: Path, sources: Path | None) -> str:
    """Write the artifact of a run and return its revision.

    Args:
        run: Folder with the checkpoint, the log and `evaluation.json`.
        shards: What the run was trained on.
        out: The artifact folder.
        sources: JSON list that names each source of the corpus and its licence, for the card.

    Raises:
        TrainingError: the run has not been trained and evaluated.
    """
    if not (run / EVALUATION).exists():
        raise TrainingError(f"{run} has no {EVALUATION}; run `python -m training evaluate` first")
    checkpoint = load_checkpoint(run)
    artifact = assemble(load_objective(checkpoint, shards), checkpoint.config.name, shards)
    golden = make_golden(Encoder(artifact), GOLDEN_TEXTS)
    card = make_card(run, checkpoint.progress, shards, sources)
    return save_artifact(replace(artifact, golden=golden, card=card), out)


def make_golden(encoder: Encoder, texts: Sequence[str]) -> tuple[Golden, ...]:
    """The self-test of an artifact: what these texts give on the machine that exports it."""
    asked = [encoder.pieces(text) for text in texts]
    vectors = encoder.embed(asked, [Readout(encoder.artifact.layers)] * len(asked))
    return tuple(
        Golden(text, passage.ids, found.mean(axis=1))
        for text, passage, found in zip(texts, asked, vectors, strict=True)
    )


def make_card(
    run: Path, progress: Progress, shards: Shards, sources: Path | None
) -> dict[str, object]:
    """Where the artifact comes from and how well it does."""
    start = json.loads((run / "log.jsonl").read_text("utf-8").splitlines()[0])
    data: dict[str, object] = {
        "train_rows": shards.manifest["train_rows"],
        "train_pieces": shards.manifest["train_pieces"],
        "vocabulary_sha256": shards.manifest["vocabulary_sha256"],
    }
    if sources is not None:
        data["sources"] = json.loads(sources.read_text("utf-8"))
    return {
        "data": data,
        "recipe": start["recipe"],
        "training": {
            **{fact: start[fact] for fact in ("commit", "started", "hardware", "versions")},
            "steps": progress.step,
            "pieces_seen": progress.pieces,
            "hours": round(progress.seconds / 3600, 2),
        },
        "evaluation": json.loads((run / EVALUATION).read_text("utf-8")),
    }
