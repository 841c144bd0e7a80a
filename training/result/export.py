"""Export a trained and evaluated run as an artifact folder with golden vectors and a card."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from biLM.artifact import save_artifact
from biLM.encoder import Encoder
from biLM.golden import make_golden
from biLM.network.heads import SIDES

from ..errors import TrainingError
from ..run.averaging import ENTRY
from ..run.checkpoint import Checkpoint, load_checkpoint
from ..run.journal import LOG_NAME, read_entries, read_log
from ..text.normaliser import FACTS, has_normaliser
from ..text.shards import Shards
from .assemble import assemble, load_objective, require_lstm, require_tied
from .evaluate import NAME as EVALUATION
from .geometry import MAX_ROWS

# The points of the loss that a card has.
CURVE_POINTS = 8
GOLDEN_TEXTS = (
    "我吃了一个苹果。",
    "我在用苹果手机。",
    "医生说病毒已经扩散，要马上手术！",
    "The virus scanner found 3 files. 😀",
    "这一段话比较长，" * 12 + "所以要分成几块来读。",
)


def export(
    run: Path, shards: Shards, out: Path, sources: Path | None, max_rows: int = MAX_ROWS
) -> str:
    """Write the artifact of a run and return its revision.

    Args:
        run: The folder with the checkpoint, the log and `evaluation.json`.
        shards: The shards the run was trained on.
        out: The artifact folder; its name becomes the artifact's name.
        sources: A JSON list for the card, with each source of the corpus and its licence.
        max_rows: The number of held-out rows to measure the mean vectors from.

    Raises:
        TrainingError: the run has not been trained or has read another text, its log is missing,
            its evaluation is missing or out of date, its cell is not the LSTM, its softmax is not
            tied, or the file of sources is not JSON.
    """
    checkpoint = load_checkpoint(run)
    require_lstm(checkpoint.config)
    require_tied(checkpoint.config)
    checkpoint.require_rows(shards.manifest.rows_sha256)
    # The card comes first because making it takes no time and may refuse the run.
    card = make_card(run, checkpoint, shards, sources)
    objective = load_objective(checkpoint, shards)
    artifact = assemble(objective, checkpoint.config, shards, max_rows)
    if has_normaliser(artifact.pieces_model):  # not if it began with an older artifact
        card["normaliser"] = FACTS
    golden = make_golden(Encoder(artifact), GOLDEN_TEXTS)
    name = out.resolve().name
    return save_artifact(replace(artifact, id=name, golden=golden, card=card), out)


def make_card(
    run: Path, checkpoint: Checkpoint, shards: Shards, sources: Path | None
) -> dict[str, object]:
    """Describe where the artifact comes from and how well it does.

    The commit, date, hardware and versions of a resumed run are those of its last start.
    """
    start, progress = _last_start(run), checkpoint.progress
    data: dict[str, object] = {
        "train_rows": shards.manifest.train_rows,
        "train_pieces": shards.manifest.train_pieces,
        "vocabulary_sha256": shards.manifest.vocabulary_sha256,
    }
    if sources is not None:
        data["sources"] = _read_sources(sources)
    return {
        "data": data,
        "recipe": checkpoint.config.as_dict(),
        "training": {
            **{fact: start[fact] for fact in ("commit", "started", "hardware", "versions")},
            "steps": progress.step,
            "pieces_seen": progress.pieces,
            "hours": round(progress.seconds / 3600, 2),
            "curve": loss_curve(run),
            **_averages(run),
        },
        "evaluation": _read_evaluation(run, progress.step),
    }


def _last_start(run: Path) -> dict[str, Any]:
    """Return what the log says of the run's last start.

    Raises:
        TrainingError: the run has been unpacked, and no log has been laid beside it.
    """
    starts = read_entries(run, "start") if (run / LOG_NAME).exists() else []
    if not starts:
        raise TrainingError(
            f"{run / LOG_NAME} does not say where and when the run was trained; copy the"
            f" {LOG_NAME} of the run that was packed to {run}"
        )
    return starts[-1]


def _averages(run: Path) -> dict[str, object]:
    """Return with which models, and in which share, the weights of a run were averaged."""
    made = [{"share": one["share"], **one["with"]} for one in read_entries(run, ENTRY)]
    return {"averaged_with": made} if made else {}


def loss_curve(run: Path) -> list[dict[str, object]]:
    """Return the loss of each head, as optimised, at a few points of a run and at the last one."""
    entries = read_log(run, "train")
    step = -(-len(entries) // CURVE_POINTS) or 1
    return [
        {
            "pieces": entry["pieces"],
            "nats": {side: round(entry[f"{side}_nats"], 4) for side in SIDES},
        }
        for entry in entries[::-step][::-1]
    ]


def _read_evaluation(run: Path, step: int) -> dict[str, object]:
    path = run / EVALUATION
    if not path.exists():
        raise TrainingError(f"{run} has no {EVALUATION}; run `bilm train evaluate` first")
    figures: dict[str, object] = json.loads(path.read_text("utf-8"))
    if figures.get("step") != step:
        raise TrainingError(
            f"{path} belongs to step {figures.get('step')}, but the run is at step {step}; run"
            " `bilm train evaluate` again"
        )
    return figures


def _read_sources(path: Path) -> object:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} is not a JSON file of sources: {error}") from error
