"""Score a trained run: its predictions by source and head, and its senses by layer."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from biLM.artifact import Artifact, round_weights
from biLM.encoder import Encoder
from biLM.files import to_json, write_atomically
from biLM.network.config import BiLMConfig
from biLM.tokenizer import Tokenizer

from ..errors import TrainingError
from ..run.checkpoint import load_checkpoint
from ..run.device import choose_device
from ..run.held_out import NO_SCORES, added, joined_in_parts, judgements
from ..run.initial import check_vocabulary, objective_of
from ..run.objective import BiLMObjective
from ..text.shards import Shard, Shards
from .assemble import assemble, load_objective, require_lstm
from .languages import Cell, count_letters, language_of
from .sample import Sample
from .scoring import Reader, Scored, characters_of, score_sample
from .senses import (
    Cosines,
    SenseDifference,
    SensePair,
    SenseScore,
    differences,
    read_folder,
    scores,
    sense_cosines,
)
from .sources import groups_of
from .tally import Part, fill_figures, tables_of
from .words import words_of

NAME = "evaluation.json"
KEPT = "scoring.json"
Json = dict[str, Any]  # tables as the file has them
# A piece of one byte, which is not a letter by itself.
BYTE = re.compile("<0x[0-9A-F]{2}>")


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
            scored on the same held-out text and pairs.

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
    figures: dict[str, object] = {"step": checkpoint.progress.step}
    figures |= _predictions(objective, shards)
    if before is not None:
        figures["before"] = _of_artifact(before, _predictions(objective_of(before), shards))
    if pairs:
        artifact = assemble(objective.cpu(), checkpoint.config, shards)
        figures |= _sense_figures(artifact, pairs, before)
    write_atomically(run / NAME, to_json(figures))
    return figures


def evaluate_artifact(
    artifact: Artifact,
    shards: Shards | None = None,
    senses: Path | None = None,
    before: Artifact | None = None,
) -> dict[str, object]:
    """Score an artifact as `evaluate` scores a run, without writing a file.

    Args:
        artifact: The artifact.
        shards: Shards with held-out text, in its vocabulary; None leaves out the predictions.
        senses: A folder of word-in-context pairs; None leaves out the senses.
        before: Another artifact to be scored on the same text and pairs. Its vocabulary may differ
            if there are no shards.

    Raises:
        TrainingError: there is nothing to score, an artifact has another vocabulary than the
            shards, or a file of pairs cannot be read.
    """
    if shards is None and senses is None:
        raise TrainingError(
            f"there is nothing to score {artifact.id} on; give --shards, --senses or both"
        )
    pairs = {} if senses is None else read_folder(senses)
    artifacts = [artifact] if before is None else [artifact, before]
    figures: dict[str, object] = {"id": artifact.id, "revision": artifact.revision}
    if shards is not None:
        for one in artifacts:
            check_vocabulary(one, shards)
        figures |= _predictions(objective_of(artifact), shards)
    if before is not None:
        predictions = {} if shards is None else _predictions(objective_of(before), shards)
        figures["before"] = _of_artifact(before, predictions)
    if pairs:
        figures |= _sense_figures(artifact, pairs, before)
    return figures


def _predictions(objective: BiLMObjective, shards: Shards) -> Json:
    alone = frequency_bits(shards, objective.bilm.config)
    figures = score_held_out(objective.to(choose_device()), shards)
    return {**figures, "frequencies_bits_per_character": round(alone, 4)}


def _sense_figures(
    artifact: Artifact, pairs: Mapping[str, Sequence[SensePair]], before: Artifact | None
) -> dict[str, object]:
    """Return the scores of each file of pairs and, with another artifact, the differences."""
    cosines = _cosines(artifact, pairs)
    found = {name: scores(cosines[name], some) for name, some in pairs.items()}
    figures: dict[str, object] = {"senses": _as_json(found)}
    if before is not None:
        others = _cosines(before, pairs)
        found = {name: scores(others[name], some) for name, some in pairs.items()}
        figures["senses_before"] = _as_json(found)
        compared = {
            name: differences(cosines[name], others[name], some) for name, some in pairs.items()
        }
        figures["senses_less_before"] = _as_json(compared)
    return figures


def _cosines(
    artifact: Artifact, pairs: Mapping[str, Sequence[SensePair]]
) -> dict[str, dict[str, Cosines]]:
    encoder = Encoder(artifact, device=choose_device())
    encoder.warm_up()
    return {name: sense_cosines(encoder, some, artifact.mixes) for name, some in pairs.items()}


def _as_json(
    found: Mapping[str, Mapping[str, SenseScore | SenseDifference]],
) -> dict[str, dict[str, object]]:
    return {
        name: {vector: asdict(one) for vector, one in of_file.items()}
        for name, of_file in found.items()
    }


def evaluate_sample(
    run: Path, shards: Shards, sample: Sample, beside: Artifact | None, allowed_s: float
) -> dict[str, object]:
    """Score a run and an artifact on the same sample, and write `evaluation.json`.

    The artifact may have another vocabulary, because the figures that are compared are bits per
    character. If it is interrupted, the same call resumes.

    Args:
        run: The folder of the run.
        shards: The shards it was trained on.
        sample: The held-out text to score.
        beside: The artifact to compare with, or None.
        allowed_s: The seconds after which scoring stops; the figures are those of the text that was
            scored until then.

    Raises:
        TrainingError: the run has no checkpoint, or has read shards of another vocabulary.
    """
    checkpoint = load_checkpoint(run)
    names = {"run": checkpoint.config.as_dict(), "step": checkpoint.progress.step}
    names |= {"rows": checkpoint.rows, "beside": beside.revision if beside else ""}
    names |= {"cells": sample.cells}
    identity = hashlib.sha256(to_json({**names, "sample": sample.sha256})).hexdigest()
    path, kept = run / NAME, run / KEPT
    if path.exists():
        before: dict[str, object] = json.loads(path.read_bytes())
        if before.get("identity") == identity:
            return before
    objective = load_objective(checkpoint, shards)
    round_weights(objective)
    layout = shards.manifest.max_row_pieces, shards.manifest.one_sentence
    readers = {"run": Reader(objective, shards.vocabulary.read_bytes(), layout)}
    if beside is not None:
        readers["beside"] = Reader(objective_of(beside), beside.pieces_model, layout)
    scored = score_sample(readers, sample, kept, identity, allowed_s)
    figures = sample_figures(readers["run"], shards, sample, scored)
    figures |= {"step": checkpoint.progress.step, "identity": identity}
    if beside is not None:
        began_there = checkpoint.config.init_from == beside.revision
        tables = _sample_tables(sample, scored, "beside")
        figures["before" if began_there else "beside"] = _of_artifact(beside, tables)
    write_atomically(path, to_json(figures))
    kept.unlink(missing_ok=True)
    return figures


def sample_figures(
    reader: Reader, shards: Shards, sample: Sample, scored: Scored
) -> dict[str, object]:
    """Return the figures of a run on what was scored of a sample, and the facts of the sample."""
    excerpts = scored.excerpts(sample)
    characters = characters_of(excerpts)
    rows = [row for one in excerpts for row in reader.rows(one)]
    seen = np.bincount([piece for row in rows for piece in row], minlength=len(shards.counts))
    sizes = reader.objective.bilm.config
    return {
        "sample": {
            "drawn": "the excerpts of the held-out text with the smallest hashes",
            "excerpts": len(excerpts),
            "characters": characters,
            "sources": len(sample.sources),
            "is_whole": len(excerpts) == len(sample.excerpts),
        },
        **_sample_tables(sample, scored, "run"),
        "fill": fill_figures(scored.tallies["run"].word_scores()),
        "frequencies_bits_per_character": round(
            _frequency_bits(shards.counts, seen, len(rows), sizes) / characters, 4
        ),
    }


def _sample_tables(sample: Sample, scored: Scored, name: str) -> Json:
    """Return the tables of a model on what was scored of a sample."""
    parts: dict[Cell, Part] = {}
    for number, cell in enumerate(sample.cells):
        excerpts = [one for one in scored.excerpts(sample) if sample.cell_of[one.source] == cell]
        if excerpts:
            parts[cell] = scored.tallies[name].scores(number), characters_of(excerpts)
    return {**tables_of(parts)}


def _of_artifact(artifact: Artifact, figures: Json) -> Json:
    """Describe another artifact and its figures, without those of each source."""
    facts: Json = {"id": artifact.id, "revision": artifact.revision}
    facts["training"] = artifact.card.get("training")
    if "held_out" in figures:
        everything = {"all": figures["held_out"]["all"]}
        facts |= {"held_out": everything, "languages": figures["languages"]}
    return facts


def score_held_out(objective: BiLMObjective, shards: Shards) -> Json:
    """Score how well each head predicts all held-out text, each source, and the words alone.

    The tables are those of `tables_of`, and `fill` has the figures of the words. A word is a piece
    of two or more Han characters; predicting it means filling a blank with it.
    """
    tokenizer = Tokenizer(shards.vocabulary.read_bytes())
    is_word = words_of(tokenizer).to(objective.heads.bias.device)
    characters = shards.manifest.held_out_characters
    words, parts = NO_SCORES, {}
    for cell, members in _by_cell(shards, tokenizer).items():
        found = NO_SCORES
        for part in joined_in_parts(members.values()):
            for judged in judgements(objective, part):
                found = added(found, judged)
                words = added(words, [one.only(is_word[one.targets]) for one in judged])
        parts[cell] = found, sum(characters[source] for source in members)
    return {**tables_of(parts), "fill": fill_figures(words)}


def _by_cell(shards: Shards, tokenizer: Tokenizer) -> dict[Cell, dict[str, Shard]]:
    """Return the held-out shards by the group and the language of their source."""
    groups = groups_of(shards.manifest.held_out_characters)
    pieces = map(tokenizer.piece, range(tokenizer.num_pieces))
    letters = np.array(
        [(0, 0) if BYTE.fullmatch(piece) else count_letters(piece) for piece in pieces]
    )
    found: dict[Cell, dict[str, Shard]] = {}
    for source, shard in shards.held_out().items():
        times = np.bincount(shard.pieces, minlength=len(letters))
        cell = Cell(groups[source], language_of(*map(int, times @ letters)))
        found.setdefault(cell, {})[source] = shard
    return found


def frequency_bits(shards: Shards, sizes: BiLMConfig) -> float:
    """Return the bits per held-out character if only the frequency of each piece is known."""
    num_rows, seen = 0, np.zeros(len(shards.counts), dtype=np.int64)
    for shard in shards.held_out().values():
        seen += np.bincount(shard.pieces, minlength=len(seen))
        num_rows += len(shard)
    bits = _frequency_bits(shards.counts, seen, num_rows, sizes)
    return bits / max(1, sum(shards.manifest.held_out_characters.values()))


def _frequency_bits(
    counts: npt.NDArray[np.int64], seen: npt.NDArray[np.int64], num_rows: int, sizes: BiLMConfig
) -> float:
    """Return the bits of these pieces and of the end of each row."""
    expected = counts + 1.0
    expected[sizes.bos_id] = 0.0  # it is read and never predicted
    seen[sizes.eos_id] = num_rows
    is_seen = seen > 0
    bits = np.log2(expected.sum()) - np.log2(expected[is_seen])
    return float(seen[is_seen] @ bits)
