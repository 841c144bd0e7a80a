"""Make a servable artifact from text files in a given time.

All steps run one after the other, sized by the amount of text and the speed of the machine. The
work folder's `plan.json` records the decisions. If the run is interrupted, the same order resumes
it and repeats only the minutes since the last checkpoint.
"""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from biLM.artifact import Artifact
from biLM.files import to_json, write_atomically

from .errors import CorpusError, TrainingError
from .result.evaluate import evaluate
from .result.export import export
from .run.config import TrainConfig
from .run.initial import adapted
from .run.loop import train
from .run.loss_plot import plot_loss
from .run.speed import usual_speed
from .text.corpus import Corpus, CorpusConfig, build_corpus, training_text
from .text.shards import Shards, build_shards
from .text.sources import find_sources, fingerprints, mark_as_made, text_bytes
from .text.vocabulary import VocabularyConfig, train_vocabulary

# Hold out about a mebibyte of text, and never more than one document in twenty.
HELD_OUT_BYTES = 1 << 20
LEAST_ONE_IN = 20
# The vocabulary has one piece for this many characters of text, up to the usual number of pieces.
CHARACTERS_PER_PIECE = 200
# Chinese has about this many characters, and each of them needs a piece.
MIN_PIECES = 6_000
# For each minute of the order, the vocabulary is trained on at most this many characters.
SAMPLE_PER_MINUTE = 1_000_000
# A model that reads its text more often than this learns it by heart.
MAX_EPOCHS = 20
# Loading everything, the geometry and the golden vectors take about this long.
FIXED_S = 45.0
# About this share of a run's time goes into scores on held-out text.
SCORED_SHARE = 0.05
# A held-out piece takes as much time as this many training pieces.
SCORING = 3
# At least this share of the time goes into training, however long the other steps have taken.
LEAST_SHARE = 0.25
Json = dict[str, Any]  # json.loads returns this


@dataclass(frozen=True)
class Order:
    """A request for an artifact.

    Args:
        inputs: Files of text, or folders of them.
        out: The artifact folder.
        work: The folder for all intermediate files.
        minutes: The approximate time for all steps together.
        recipe: The recipe to train; its budget is replaced by what the time allows.
        initial: The artifact to train further; None trains a new vocabulary and new weights.
        corpus: How the text is read; how much is held out follows from its size.
    """

    inputs: Sequence[Path]
    out: Path
    work: Path
    minutes: float
    recipe: TrainConfig
    initial: Artifact | None = None
    corpus: CorpusConfig = field(default_factory=CorpusConfig)

    def __post_init__(self) -> None:
        if not 0 < self.minutes < math.inf:
            raise TrainingError(f"minutes is {self.minutes}; it must be a finite number above 0")

    def described(self) -> Json:
        """Return what must be equal in two orders for one to resume the other's work."""
        recipe = self.recipe if self.initial is None else adapted(self.recipe, self.initial)
        return {
            "sources": fingerprints(self.inputs),
            "corpus": asdict(self.corpus),
            "minutes": self.minutes,
            "recipe": recipe.as_dict(),
        }


def fulfil(order: Order, tell: Callable[[str], None]) -> str:
    """Make the artifact and return its revision.

    Args:
        order: The request.
        tell: Shows one line to the person who waits.

    Raises:
        TrainingError: the text cannot be read or is too short, or the work folder belongs to
            another order.
    """
    mark_as_made(order.work)
    plan = order.work / "plan.json"
    wanted = order.described()
    if plan.exists():
        made = json.loads(plan.read_text("utf-8"))
        if made["order"] != wanted:
            raise TrainingError(
                f"{order.work} has the files of another order: {made['order']}; remove the folder"
                " or choose another --work"
            )
        config = TrainConfig(**made["recipe"])
        tell(f"resuming the work in {order.work}")
    else:
        config = _prepare(order, TrainConfig(**wanted["recipe"]), tell)
        write_atomically(plan, to_json({"order": wanted, "recipe": config.as_dict()}))
    shards = Shards(order.work / "shards")
    run = order.work / "run"
    train(config, shards, run, order.initial)
    plot_loss(run)
    tell("scoring on held-out text")
    figures = evaluate(run, shards, before=order.initial)
    for line in report(figures):
        tell(line)
    return export(run, shards, order.out, order.work / "sources.json")


def report(figures: Json) -> list[str]:
    """Return the main figures of an evaluation as lines of text."""
    now, word = figures["held_out"]["all"], figures["fill"]
    lines = [
        f"held-out text: {_bits(now)} bits per character, forward and backward; with the"
        f" frequencies of pieces alone, {figures['frequencies_bits_per_character']:.2f}"
    ]
    if "before" in figures:
        before = figures["before"]["held_out"]
        lines.append(f"before, the artifact that it started from had {_bits(before['all'])}")
    if word["places"]:
        first, among_ten = (word["cloze"][f"accuracy_at_{k}"] for k in (1, 10))
        lines.append(
            f"blanks of one word: the first guess is right in {first:.0%} of {word['places']:,}"
            f" cases, and one of the first ten in {among_ten:.0%}"
        )
    return lines


def _prepare(order: Order, config: TrainConfig, tell: Callable[[str], None]) -> TrainConfig:
    """Make the shards, and return the recipe with the budget that the remaining time allows."""
    ends = time.monotonic() + 60 * order.minutes
    corpus = _divide(order, tell)
    characters = sum(count.characters for count in corpus.sources.values())
    vocabulary = order.work / "pieces.model"
    if order.initial is None:
        _train_vocabulary(order, characters, vocabulary)
    else:
        vocabulary.write_bytes(order.initial.pieces_model)
    shards = build_shards(order.work / "corpus", vocabulary, order.work / "shards")
    pieces = shards.manifest.train_pieces
    tell(
        f"{pieces:,} pieces to train on, from a vocabulary of {len(shards.counts):,}; a piece"
        f" has {characters / pieces:.2f} characters on average"
    )
    speed = usual_speed(config, shards, min(20.0, 2 * order.minutes)) * (1 - SCORED_SHARE)
    held_out = sum(len(shard.pieces) for shard in shards.held_out().values())
    num_scored = 1 if order.initial is None else 2
    left = ends - time.monotonic() - FIXED_S - SCORING * num_scored * held_out / speed
    seconds = max(left, LEAST_SHARE * 60 * order.minutes)
    budget = min(int(speed * seconds), MAX_EPOCHS * pieces)
    tell(
        f"training for {budget / speed / 60:.1f} minutes at {speed:,.0f} pieces per second, which"
        f" reads the text {budget / pieces:.1f} times"
    )
    if seconds > left:
        tell(f"{order.minutes:g} minutes are too short for this much text; it will take longer")
    steps = budget // config.batch_pieces
    warm_up = min(config.warmup_steps, max(1, steps // 10))
    return replace(config, name=order.out.name, max_pieces=max(1, budget), warmup_steps=warm_up)


def _divide(order: Order, tell: Callable[[str], None]) -> Corpus:
    size = text_bytes(find_sources(order.inputs).values())
    one_in = max(LEAST_ONE_IN, size // HELD_OUT_BYTES)
    config = replace(order.corpus, held_out_one_in=one_in)
    corpus = build_corpus(order.inputs, order.work / "corpus", config)
    for note in corpus.notes:
        tell(note)
    counts = corpus.sources.values()
    documents = sum(count.documents for count in counts)
    held_out = sum(count.held_out_documents for count in counts)
    if not held_out:
        raise CorpusError(
            f"there are {documents} documents, and none of them is held out for measuring; give a"
            " few hundred, or smaller ones by --document line"
        )
    tell(f"{documents:,} documents to train on, {held_out:,} held out")
    sources = [
        {"source": name, "licence": "not stated", **asdict(count)}
        for name, count in corpus.sources.items()
    ]
    write_atomically(order.work / "sources.json", to_json(sources))
    return corpus


def _train_vocabulary(order: Order, characters: int, out: Path) -> None:
    """Train a vocabulary with as many pieces as the amount of text justifies."""
    usual = VocabularyConfig()
    num_pieces = min(usual.num_pieces, max(MIN_PIECES, characters // CHARACTERS_PER_PIECE))
    sample = min(usual.max_sample_characters, max(1, int(SAMPLE_PER_MINUTE * order.minutes)))
    config = replace(usual, num_pieces=num_pieces, is_limit=True, max_sample_characters=sample)
    train_vocabulary(training_text(order.work / "corpus"), out, config)


def _bits(figures: Json) -> str:
    both = (figures[f"{side}_bits_per_character"] for side in ("forward", "backward"))
    return " and ".join(f"{bits:.2f}" for bits in both)
