"""Prepare text files as the shards that every experiment on text reads, once for all of them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from biLM.files import to_json, write_atomically

from ..choices import SINGLE_DOCUMENTS
from ..errors import CorpusError
from ..text.corpus import CorpusConfig, build_corpus, training_text
from ..text.shards import Shards, build_shards
from ..text.sources import fingerprints
from ..text.vocabulary import VocabularyConfig, train_vocabulary
from .sizes import Plan

NAME = "text.json"
# The vocabulary is trained on at most this many characters.
SAMPLE_CHARACTERS = 2_000_000


def prepare(inputs: Sequence[Path], work: Path, plan: Plan) -> Shards:
    """Make the shards of some text files, or reuse those that an earlier run made of the same.

    Raises:
        CorpusError: there is no text, or no document is held out.
    """
    wanted: dict[str, Any] = {
        "sources": fingerprints(inputs),
        "num_pieces": plan.num_pieces,
        "held_out_one_in": plan.held_out_one_in,
    }
    made = work / NAME
    if made.exists() and json.loads(made.read_text("utf-8")) == wanted:
        return Shards(work / "shards")
    # Near copies stay, and single documents are held out: published figures are of that text.
    config = CorpusConfig(
        held_out_one_in=plan.held_out_one_in, split=SINGLE_DOCUMENTS, keep_near_copies=True
    )
    corpus = build_corpus(inputs, work / "corpus", config)
    if not any(count.held_out_documents for count in corpus.sources.values()):
        raise CorpusError(
            f"none of the documents is held out for measuring; one in {plan.held_out_one_in} is, so"
            " give a few hundred, one per line"
        )
    text, vocabulary = training_text(work / "corpus"), work / "pieces.model"
    sizes = VocabularyConfig(
        num_pieces=plan.num_pieces, is_limit=True, max_sample_characters=SAMPLE_CHARACTERS
    )
    train_vocabulary(text, vocabulary, sizes)
    shards = build_shards(work / "corpus", vocabulary, work / "shards")
    write_atomically(made, to_json(wanted))
    return shards


def described(shards: Shards) -> str:
    """Describe the text by the names of its sources and its numbers of pieces."""
    sources = ", ".join(sorted(shards.held_out()))
    held_out = sum(len(shard.pieces) for shard in shards.held_out().values())
    return (
        f"Text: {sources}; {shards.manifest.train_pieces:,} pieces to train on, {held_out:,}"
        f" held out, {len(shards.counts):,} different ones."
    )
