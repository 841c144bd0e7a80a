"""Plans and vectors -> the bodies of answers, in the shape `schemas` describes."""

from collections.abc import Sequence

from biLM.passage import Passage
from biLM.question import Guesses, GuessesFor
from biLM.scalar_mix import ScalarMix
from service.engine import Engine, Vectors
from service.plan import Plan
from service.reading import Reading
from service.schemas import EmbedRequest, FillRequest
from service.wire import embedding, to_json

Fields = dict[str, object]


def tokenize_answer(reading: Reading, engine: Engine) -> bytes:
    """The body of an answer to /tokenize."""
    data = [_cut(reading, index) for index in range(len(reading.passages))]
    return to_json({"model": _model(engine), "data": data, "usage": _usage(reading)})


def embed_answer(
    request: EmbedRequest, plan: Plan, vectors: Sequence[Vectors], engine: Engine
) -> bytes:
    """The body of an answer to /embed.

    Raises:
        RequestError: nonfinite_output.
    """
    data = []
    for index, found in enumerate(vectors):
        entry = _cut(plan.reading, index) | embedding(found, request.dtype, request.encoding)
        if plan.reading.level == "text" and not plan.reading.passages[index].ids:
            entry["empty"] = True
        data.append(entry)
    return to_json(
        {"model": _model(engine), **_source(plan), "data": data, "usage": _usage(plan.reading)}
    )


def fill_answer(
    request: FillRequest, question: GuessesFor, found: Guesses, engine: Engine
) -> bytes:
    """The body of an answer to /fill."""
    usage = {"pieces": len(question.ids), "characters": len(request.text)}
    described: Fields = {"model": _model(engine), "blank": question.blank.offset}
    return to_json({**described, **found, "usage": usage})


def mix_used(mix: ScalarMix, name: str | None) -> Fields:
    """A mix as it is described to callers."""
    return {"name": name, "weights": mix.weights, "gamma": mix.gamma}


def _source(plan: Plan) -> Fields:
    source = plan.readout.source
    if isinstance(source, ScalarMix):
        return {"mix": mix_used(source, plan.mix_name)}
    return {"mix": None, "layers": source}


def _model(engine: Engine) -> Fields:
    return engine.model.model_dump(include={"id", "revision", "dim", "num_layers"})


def _usage(reading: Reading) -> Fields:
    return {"pieces": reading.pieces, "characters": reading.characters}


def _cut(reading: Reading, index: int) -> Fields:
    passage = reading.passages[index]
    return {
        "index": index,
        "num_pieces": len(passage.ids),
        "truncated": reading.truncated[index],
        **_pieces(passage),
        "offsets": passage.offsets if reading.has_offsets else None,
    }


def _pieces(passage: Passage) -> Fields:
    if passage.ranges is not None:
        return {}
    return {"pieces": passage.pieces, "ids": passage.ids}
