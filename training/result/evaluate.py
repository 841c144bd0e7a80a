"""Score a trained run: its predictions by source and head, and its senses by layer."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from biLM.artifact import Artifact, round_weights
from biLM.encoder import Encoder
from biLM.files import to_json, write_atomically
from biLM.network.config import BiLMConfig
from biLM.tokenizer import Tokenizer

from ..run.checkpoint import load_checkpoint
from ..run.device import choose_device
from ..run.held_out import NO_SCORES, added, joined_in_parts, judgements
from ..run.initial import check_vocabulary, objective_of
from ..run.objective import BiLMObjective
from ..text.shards import Shard, Shards
from .assemble import assemble, load_objective, require_lstm
from .sample import Sample
from .scoring import Reader, Scored, characters_of, score_sample
from .senses import read_folder, score_senses
from .sources import groups_of
from .tally import figures_of, fill_figures
from .words import words_of

NAME = "evaluation.json"
KEPT = "scoring.json"


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
    device = choose_device()
    objective = load_objective(checkpoint, shards)
    round_weights(objective)
    held_out, fill = score_held_out(objective.to(device), shards)
    figures: dict[str, object] = {
        "step": checkpoint.progress.step,
        "held_out": held_out,
        "fill": fill,
        "frequencies_bits_per_character": round(frequency_bits(shards, objective.bilm.config), 4),
    }
    if before is not None:
        table, _ = score_held_out(objective_of(before).to(device), shards)
        figures["before"] = _of_artifact(before, table["all"])
    if pairs:
        artifact = assemble(objective.cpu(), checkpoint.config, shards)
        encoder = Encoder(artifact, device=device)
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
        characters = characters_of(scored.excerpts(sample))
        whole = figures_of(scored.tallies["beside"].scores(), characters)
        figures["before" if began_there else "beside"] = _of_artifact(beside, whole)
    write_atomically(path, to_json(figures))
    kept.unlink(missing_ok=True)
    return figures


def sample_figures(
    reader: Reader, shards: Shards, sample: Sample, scored: Scored
) -> dict[str, object]:
    """Return the figures of a run on what was scored of a sample, and the facts of the sample."""
    excerpts, tally = scored.excerpts(sample), scored.tallies["run"]
    characters = characters_of(excerpts)
    table = {"all": figures_of(tally.scores(), characters)}
    for number, group in enumerate(sample.groups):
        of_group = [one for one in excerpts if sample.group_of[one.source] == group]
        if of_group:
            table[group] = figures_of(tally.scores(number), characters_of(of_group))
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
        "held_out": table,
        "fill": fill_figures(tally.word_scores()),
        "frequencies_bits_per_character": round(
            _frequency_bits(shards.counts, seen, len(rows), sizes) / characters, 4
        ),
    }


def _of_artifact(artifact: Artifact, whole: Mapping[str, object]) -> dict[str, object]:
    return {
        "id": artifact.id,
        "revision": artifact.revision,
        "training": artifact.card.get("training"),
        "held_out": {"all": whole},
    }


def score_held_out(
    objective: BiLMObjective, shards: Shards
) -> tuple[dict[str, dict[str, object]], dict[str, object]]:
    """Score how well each head predicts all held-out text, each source, and the words alone.

    The first result has the figures of all sources together and of each one, or of each large one
    and of the others together; the second has those of the words. A word is a piece of two or more
    Han characters; predicting it means filling a blank with it.
    """
    is_word = words_of(Tokenizer(shards.vocabulary.read_bytes())).to(objective.heads.bias.device)
    characters = shards.manifest.held_out_characters
    everything, words, table = NO_SCORES, NO_SCORES, {}
    for group, members in _grouped(shards).items():
        found = NO_SCORES
        for part in joined_in_parts(members.values()):
            for judged in judgements(objective, part):
                found = added(found, judged)
                words = added(words, [one.only(is_word[one.targets]) for one in judged])
        table[group] = figures_of(found, sum(characters[source] for source in members))
        everything = tuple(all_ + one for all_, one in zip(everything, found, strict=True))
    return {"all": figures_of(everything, sum(characters.values())), **table}, fill_figures(words)


def _grouped(shards: Shards) -> dict[str, dict[str, Shard]]:
    groups = groups_of(shards.manifest.held_out_characters)
    found: dict[str, dict[str, Shard]] = {}
    for source, shard in shards.held_out().items():
        found.setdefault(groups[source], {})[source] = shard
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
