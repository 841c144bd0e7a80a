"""The command line of cards: `bilm card ARTIFACT` prints what an artifact is and how good it is."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from biLM.counted import counted
from biLM.errors import BiLMError
from biLM.options import parsed
from biLM.shipped import DEFAULT_MODEL

if TYPE_CHECKING:  # torch takes seconds to import; the parser does not need it
    from biLM.encoder import Encoder

# The most sources that are listed; the figures of all text stand above them.
MAX_SOURCES = 10
NUM_GUESSES = 5
BLANKS = ("我爱____。", "他去____看病。", "这个____很好吃。")
BITS = ("forward_bits_per_character", "backward_bits_per_character")
Json = Mapping[str, Any]  # json.loads returns this; a field that is missing is left out


def main(arguments: Sequence[str] | None = None, prog: str = "bilm card") -> int:
    """Print a card and return the exit status; a refusal goes to standard error, with status 2."""
    parser = argparse.ArgumentParser(prog=prog, description=__doc__)
    parser.add_argument(
        "artifact", nargs="?", default=DEFAULT_MODEL, help="a folder, or the name of a model"
    )
    given = parsed(parser, arguments)
    from biLM.encoder import Encoder

    try:
        encoder = Encoder.load(given.artifact)
    except BiLMError as error:
        sys.stderr.write(f"{prog}: {error}\n")
        return 2
    sys.stdout.write("\n".join(page(encoder)) + "\n")
    return 0


def page(encoder: "Encoder") -> Iterator[str]:
    """Yield the lines of a card."""
    artifact = encoder.artifact
    sizes, card = artifact.config, artifact.card
    yield f"{artifact.id}, {artifact.revision}"
    yield (
        f"{sizes.num_layers} layers of {sizes.cell_size} cells in each direction, vectors of width"
        f" {sizes.dim:,}, {sizes.num_pieces:,} pieces"
    )
    yield from _text(card.get("data", {}))
    yield from _training(card.get("training", {}))
    yield from _figures(_with_languages(card.get("evaluation", {}), card.get("data", {})))
    yield from ["", "Words that occur in similar contexts, by the vectors of the softmax"]
    for word, neighbours in encoder.similar_words().items():
        yield f"  {word}: {' '.join(neighbours)}"
    yield from ["", "Blanks, filled from both sides"]
    for blank in BLANKS:
        guesses = encoder.fill(blank, NUM_GUESSES)["cloze"]
        yield f"  {blank} " + ", ".join(f"{one.piece} {one.probability:.0%}" for one in guesses)


def _text(data: Any) -> Iterator[str]:  # Any: an old card may have a sentence here
    if "train_pieces" not in data:
        return
    yield from ["", f"Text: {data['train_pieces']:,} pieces in {data['train_rows']:,} rows"]
    sources = sorted(data.get("sources", []), key=lambda one: -one.get("documents", 0))
    for source in sources[:MAX_SOURCES]:
        documents, licence = source.get("documents", 0), source.get("licence", "not stated")
        yield f"  {documents:>9,} documents  {source['source']} (licence: {licence})"
    if len(sources) > MAX_SOURCES:
        yield f"  and {len(sources) - MAX_SOURCES} more"


def _training(training: Json) -> Iterator[str]:
    if "pieces_seen" not in training:
        return
    yield from ["", f"Training: {training['pieces_seen']:,} pieces in {training['steps']:,} steps"]
    if "hours" in training:
        hours, hardware = training["hours"], training["hardware"]
        yield f"  {hours:.2f} hours on {hardware}, from {training['started']}"
    for other in training.get("averaged_with", []):
        which = other.get("revision", other.get("weights"))
        yield f"  averaged with {other['id']}, {other['share']:.0%} of the mean: {which}"
    for point in training.get("curve", []):
        losses = ", ".join(f"{side} {nats:.2f}" for side, nats in point["nats"].items())
        yield f"  {point['pieces']:>12,} pieces  loss as optimised: {losses}"


def _figures(evaluation: Json) -> Iterator[str]:
    held_out = evaluation.get("held_out", {})
    if "all" not in held_out:
        return
    sample = evaluation.get("sample")
    of = f"a sample of {counted(sample['sources'], 'source')}" if sample else "everything held out"
    yield from ["", f"Held-out text: {held_out['all']['characters']:,} characters, {of}"]
    yield "  bits per character, forward and backward:"
    yield from _rows(evaluation, "this model")
    for key, when in (("before", "where it started from"), ("beside", "on the same text")):
        if key in evaluation:
            other = evaluation[key]
            yield from _rows(other, f"{other['id']}, {when}")
    if "frequencies_bits_per_character" in evaluation:
        yield f"    {evaluation['frequencies_bits_per_character']:.2f}       frequencies alone"
    sources = {name: row for name, row in held_out.items() if name != "all"}
    by_size = sorted(sources, key=lambda name: -sources[name]["characters"])
    for name in by_size[:MAX_SOURCES] if len(sources) > 1 else []:
        yield f"    {_bits(sources[name])}  {name}"
    if places := evaluation.get("fill", {}).get("places"):
        cloze = evaluation["fill"]["cloze"]
        yield (
            f"  blanks of one word: {cloze['accuracy_at_1']:.0%} right,"
            f" {cloze['accuracy_at_10']:.0%} among the first ten, of {places:,}"
        )


def _rows(evaluation: Json, whose: str) -> Iterator[str]:
    """Yield the bits of each language, Chinese first, and of all text if it has several."""
    languages, everything = evaluation.get("languages", {}), evaluation["held_out"]["all"]
    for name, row in languages.items():
        yield f"    {_bits(row)}  {whose}: {name}, {row['characters']:,} characters"
    if len(languages) != 1:
        yield f"    {_bits(everything)}  {whose}{': all together' if languages else ''}"


def _with_languages(evaluation: Json, data: Any) -> Json:  # Any: as in `_text`
    """Return an evaluation with its languages; older cards have only the figures of each source.

    They can be added up if the card has the number of Han characters of each source, and every
    source has a row. A source without Han characters is in another language.
    """
    listed = data.get("sources", []) if isinstance(data, Mapping) else []
    han = {one["source"]: one["han_characters"] for one in listed if "han_characters" in one}
    rows = {name: row for name, row in evaluation.get("held_out", {}).items() if name != "all"}
    if "languages" in evaluation or not rows or not rows.keys() <= han.keys():
        return evaluation
    by_language: dict[str, list[Json]] = {"Chinese": [], "other languages": []}
    for name, row in rows.items():
        by_language["Chinese" if han[name] else "other languages"].append(row)
    languages = {name: _added(of_one) for name, of_one in by_language.items() if of_one}
    return {**evaluation, "languages": languages}


def _added(rows: Sequence[Json]) -> Json:
    """Return the bits per character of several sources together."""
    characters = sum(row["characters"] for row in rows)
    bits = {
        side: sum(row[side] * row["characters"] for row in rows) / max(1, characters)
        for side in BITS
    }
    return {"characters": characters, **bits}


def _bits(figures: Json) -> str:
    return " ".join(f"{figures[side]:.2f}" for side in BITS)
