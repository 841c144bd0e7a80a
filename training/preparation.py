"""Prepare the text of an order, and plan its minutes by the speeds of this machine."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, replace

from biLM.counted import counted
from biLM.files import to_json, write_atomically

from .errors import CorpusError
from .order import SCORED_SHARE, Order, Work
from .plan import MAX_SAMPLE_CHARACTERS, Speeds, Text, described, make_plan
from .result.pace import geometry_speed, scoring_speed
from .result.sample import draw_sample
from .result.sources import groups_of
from .run.objective import build_objective
from .run.speed import usual_speed
from .text.corpus import Corpus, SourceCount, build_corpus, training_text
from .text.shards import build_shards
from .text.sources import find_sources, text_bytes
from .text.vocabulary import VocabularyConfig, train_vocabulary

# Hold out about a mebibyte of text, and never more than one document in twenty.
HELD_OUT_BYTES = 1 << 20
LEAST_ONE_IN = 20
# The vocabulary has one piece for this many characters of text, up to the usual number of pieces.
CHARACTERS_PER_PIECE = 200
# Chinese has about this many characters, and each of them needs a piece.
MIN_PIECES = 6_000
# For each minute of the order, the speeds of the machine are measured on this many characters, and
# training for this many seconds, up to a limit.
PROBE_PER_MINUTE = 25_000
MAX_PROBE_CHARACTERS = 200_000
PROBE_S_PER_MINUTE = 1.5
MAX_PROBE_S = 10.0
# The log has at least about this many points of the loss, which the plot and the card show.
LOG_LINES = 40
# Loading the run, drawing its loss and writing the files take about this long.
FIXED_S = 10.0
Tell = Callable[[str], None]


def prepare(order: Order, began: float, tell: Tell) -> Work:
    """Make the shards, and plan what the remaining time allows."""
    total_s, config = 60 * order.minutes, order.config
    corpus = _divide(order, tell)
    characters = sum(count.characters for count in corpus.sources.values())
    vocabulary = _vocabulary_of(order, characters)
    tell("measuring the speed of this machine")
    speeds, per_piece = _measure(order, vocabulary)
    text = Text(characters, per_piece)
    plan = make_plan(total_s, time.monotonic() - began, text, speeds)
    for line in described(plan, is_new=order.initial is None):
        tell(line)
    pieces_model = order.work / "pieces.model"
    if vocabulary is not None:
        sized = replace(vocabulary, max_sample_characters=plan.vocabulary_characters)
        train_vocabulary(training_text(order.work / "corpus"), pieces_model, sized)
    folder, limit = order.work / "shards", plan.train_characters
    shards = build_shards(order.work / "corpus", pieces_model, folder, max_characters=limit)
    # The text and the time that is left are now known exactly.
    manifest = shards.manifest
    text = Text(characters, manifest.train_characters / manifest.train_pieces)
    ready = replace(speeds, vocabulary=math.inf, encoding=math.inf)
    plan = make_plan(total_s, time.monotonic() - began, text, ready)
    tell(
        f"the text is ready: a vocabulary of {len(shards.counts):,} pieces, of"
        f" {text.characters_per_piece:.2f} characters on average; now {plan.training_s / 60:.1f}"
        " minutes of training"
    )
    steps = plan.max_pieces // config.batch_pieces
    recipe = replace(
        config,
        name=order.out.name,
        max_pieces=plan.max_pieces,
        warmup_steps=min(config.warmup_steps, max(1, steps // 10)),
        log_every_steps=min(config.log_every_steps, max(1, steps // LOG_LINES)),
    )
    return Work(recipe, plan)


def _divide(order: Order, tell: Tell) -> Corpus:
    sources = find_sources(order.inputs)
    size = text_bytes(sources.values())
    files = sum(len(source.files) for source in sources.values())
    tell(f"reading {counted(files, 'file')} with about {size / 1e6:,.1f} MB of text")
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
            f"in {counted(documents, 'document')}, none is held out for measuring; give a"
            " few hundred, or smaller ones by --document line; if those that were held out shared"
            " text with the others, add --split documents"
        )
    tell(f"{counted(documents, 'document')} to train on, {held_out:,} held out")
    write_atomically(order.work / "sources.json", to_json(_listed(corpus)))
    return corpus


def _listed(corpus: Corpus) -> list[dict[str, object]]:
    """Return the sources for the card: each large one, and the others together."""
    groups = groups_of({name: count.characters for name, count in corpus.sources.items()})
    together = {group: SourceCount() for group in groups.values()}
    for name, count in corpus.sources.items():
        total = together[groups[name]]
        for field, number in asdict(count).items():
            setattr(total, field, getattr(total, field) + number)
    return [
        {"source": group, "licence": "not stated", **asdict(count)}
        for group, count in together.items()
    ]


def _vocabulary_of(order: Order, characters: int) -> VocabularyConfig | None:
    """Return the settings of a new vocabulary, with as many pieces as the text justifies."""
    if order.initial is not None:
        write_atomically(order.work / "pieces.model", order.initial.pieces_model)
        return None
    usual = VocabularyConfig()
    num_pieces = min(usual.num_pieces, max(MIN_PIECES, characters // CHARACTERS_PER_PIECE))
    return replace(usual, num_pieces=num_pieces, is_limit=True)


def _measure(order: Order, vocabulary: VocabularyConfig | None) -> tuple[Speeds, float]:
    """Return the speeds of this machine, and the average number of characters of a piece.

    All are measured on the text of the order. A new vocabulary is trained for this on a small part
    of the text; its model is given as many pieces as the final one will have.
    """
    corpus, config = order.work / "corpus", order.config
    pieces_model, vocabulary_speed = order.work / "pieces.model", math.inf
    characters = min(MAX_PROBE_CHARACTERS, max(1, int(PROBE_PER_MINUTE * order.minutes)))
    num_pieces = None
    if vocabulary is not None:
        pieces_model, num_pieces = order.work / "probe.model", vocabulary.num_pieces
        small = replace(vocabulary, max_sample_characters=characters)
        began = time.monotonic()
        train_vocabulary(training_text(corpus), pieces_model, small)
        vocabulary_speed = characters / (time.monotonic() - began)
    began = time.monotonic()
    probe = build_shards(corpus, pieces_model, order.work / "probe", max_characters=characters)
    manifest = probe.manifest
    encoded = manifest.train_characters + sum(manifest.held_out_characters.values())
    encoding = encoded / (time.monotonic() - began)
    rows_per_s, encoders_s = geometry_speed(config, probe)
    sample = draw_sample(corpus, MAX_SAMPLE_CHARACTERS)
    objective = build_objective(config, probe, num_pieces)
    seconds = min(MAX_PROBE_S, PROBE_S_PER_MINUTE * order.minutes)
    speeds = Speeds(
        vocabulary=vocabulary_speed,
        encoding=encoding,
        training=usual_speed(config, probe, seconds, num_pieces) * (1 - SCORED_SHARE),
        scoring=scoring_speed(objective, probe, sample, order.beside),
        geometry=rows_per_s,
        fixed_s=FIXED_S + encoders_s,
    )
    return speeds, manifest.train_characters / manifest.train_pieces
