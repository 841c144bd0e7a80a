"""Measure how fast this machine scores held-out text and reads it with an artifact."""

import time
from collections.abc import Callable
from functools import partial

from biLM.artifact import Artifact
from biLM.encoder import Encoder
from biLM.questions.passage import Passage
from biLM.questions.readout import Readout

from ..run.config import TrainConfig
from ..run.device import choose_device
from ..run.initial import objective_of
from ..run.objective import BiLMObjective, build_objective
from ..text.shards import Shards
from .assemble import bare_artifact
from .geometry import sampled_rows
from .sample import Sample
from .scoring import Reader, characters_of, tally_all

# A speed is measured on this many excerpts or rows: two batches or so, which take some seconds on a
# slow machine.
NUM_EXCERPTS = 6
NUM_ROWS = 24
# Exporting makes two encoders.
NUM_ENCODERS = 2


def scoring_speed(
    objective: BiLMObjective, shards: Shards, sample: Sample, beside: Artifact | None
) -> float:
    """Return the characters per second of scoring by all models together.

    Args:
        objective: A model of the sizes to be scored; its weights do not matter.
        shards: Shards of a vocabulary that is no larger than the model's.
        sample: The text; its first excerpts are scored.
        beside: The artifact that is scored as well.
    """
    layout = shards.manifest.max_row_pieces, shards.manifest.one_sentence
    readers = {"run": Reader(objective, shards.vocabulary.read_bytes(), layout)}
    if beside is not None:
        readers["beside"] = Reader(objective_of(beside), beside.pieces_model, layout)
    excerpts = sample.excerpts[:NUM_EXCERPTS]
    numbers = dict.fromkeys(sample.sources, 0)
    return characters_of(excerpts) / _second_time(partial(tally_all, readers, excerpts, numbers))


def geometry_speed(config: TrainConfig, shards: Shards) -> tuple[float, float]:
    """Return the rows per second of reading with an artifact, and the seconds its encoders take."""
    began = time.monotonic()
    artifact = bare_artifact(build_objective(config, shards), config.name, shards)
    encoder = Encoder(artifact, device=choose_device())
    fixed_s = NUM_ENCODERS * (time.monotonic() - began)
    rows = sampled_rows(list(shards.held_out().values()), NUM_ROWS)
    passages = [Passage(ids, None, offsets=()) for ids in rows]
    everything = [Readout(encoder.artifact.layers)] * len(passages)
    return len(rows) / _second_time(partial(encoder.embed, passages, everything)), fixed_s


def _second_time(compute: Callable[[], object]) -> float:
    """Return the seconds of the second call; the first meets shapes that oneDNN has not seen."""
    compute()
    began = time.monotonic()
    compute()
    return time.monotonic() - began
