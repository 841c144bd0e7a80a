"""Build response bodies from plans and results, in the shape that `answer_schemas` describes."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import numpy.typing as npt

from biLM.completion import Completion
from biLM.gates import Gates
from biLM.passage import Passage
from biLM.phrase import Phrases
from biLM.question import Guesses
from biLM.scalar_mix import ScalarMix
from service.continuing import Continuing
from service.engine import Engine, Vectors
from service.inspecting import Inspection
from service.plan import Comparison, Cutting, Embedding, Filling
from service.reading import Reading
from service.wire import embedding, encoded, to_json, to_numbers, to_safetensors

Fields = dict[str, object]


def tokenize_answer(plan: Cutting, _: Sequence[object], engine: Engine) -> bytes:
    """Return the response body of /tokenize."""
    data = [_cut(plan.reading, index) for index in range(len(plan.reading.passages))]
    return to_json({"model": _model(engine), "data": data, "usage": _usage(plan.reading)})


def embed_answer(plan: Embedding, vectors: Sequence[Vectors], engine: Engine) -> bytes:
    """Return the response body of /embed.

    Raises:
        RequestError: nonfinite_output, if a value is not finite.
    """
    data = [_embedded(plan, index, found) for index, found in enumerate(vectors)]
    return to_json({**_about(plan, engine), "data": data, "usage": _usage(plan.reading)})


def embed_line(plan: Embedding, index: int, vectors: Vectors) -> bytes:
    """Return the line of one text in a streamed response of /embed: an entry of `data`.

    Raises:
        RequestError: nonfinite_output, if a value is not finite.
    """
    return to_json(_embedded(plan, index, vectors))


def embed_summary(plan: Embedding, engine: Engine) -> bytes:
    """Return the last line of a streamed response of /embed: the response without `data`."""
    return to_json({**_about(plan, engine), "usage": _usage(plan.reading)})


def embed_tensors(plan: Embedding, vectors: Sequence[Vectors], engine: Engine) -> bytes:
    """Return a response of /embed as one safetensors body, with the rows of all texts in sequence.

    Raises:
        RequestError: nonfinite_output, if a value is not finite.
    """
    reading = plan.reading
    rows = [found.shape[-2] for found in vectors]
    tensors = {
        "embedding": to_numbers(np.concatenate(vectors, axis=-2), plan.dtype),
        "row_splits": np.cumsum([0, *rows], dtype="<i8"),
    }
    if reading.has_offsets:
        offsets = [offset for passage in reading.passages for offset in passage.offsets]
        tensors["offsets"] = np.array(offsets, dtype="<i4").reshape(-1, 2)
    if reading.level == "piece":
        ids = [piece_id for passage in reading.passages for piece_id in passage.ids]
        tensors["ids"] = np.array(ids, dtype="<i4")
    data = [
        {name: value for name, value in _entry(plan, index).items() if name not in tensors}
        for index in range(len(vectors))
    ]
    rest = {**_about(plan, engine), "data": data, "usage": _usage(reading)}
    return to_safetensors(tensors, rest)


def openai_answer(plan: Embedding, vectors: Sequence[Vectors], engine: Engine) -> bytes:
    """Return the response body of /v1/embeddings.

    Raises:
        RequestError: nonfinite_output, if a value is not finite.
    """
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": encoded(to_numbers(found[0], plan.dtype), plan.encoding),
        }
        for index, found in enumerate(vectors)
    ]
    usage = {"prompt_tokens": plan.pieces, "total_tokens": plan.pieces}
    return to_json({"object": "list", "data": data, "model": engine.model.id, "usage": usage})


def similarity_answer(plan: Comparison, vectors: Sequence[Vectors], engine: Engine) -> bytes:
    """Return the response body of /similarity."""
    *layers, context = np.concatenate(vectors, axis=1)
    mixed = np.tensordot(_unit(plan.mix), np.stack(layers), axes=1)
    occurrences = [
        {"index": index, "offset": offset}
        for index, passage in enumerate(plan.reading.passages)
        for offset in passage.offsets
    ]
    cosine = {
        "layers": list(map(_cosines, layers)),
        "context": _cosines(context),
        "mix": _cosines(mixed),
    }
    return to_json(
        {
            "model": _model(engine),
            "mix": mix_used(plan.mix, plan.mix_name),
            "occurrences": occurrences,
            "cosine": cosine,
            "usage": _usage(plan.reading),
        }
    )


def fill_answer(plan: Filling, found: Sequence[Guesses | Phrases], engine: Engine) -> bytes:
    """Return the response body of /fill."""
    usage = {"pieces": plan.pieces, "characters": plan.characters}
    blank = plan.blank.offset
    return to_json({"model": _model(engine), "blank": blank, **found[0], "usage": usage})


def inspect_answer(plan: Inspection, found: Sequence[Gates], engine: Engine) -> bytes:
    """Return the response body of /inspect.

    Raises:
        RequestError: nonfinite_output, if a value is not finite.
    """
    asked, passage = plan.request, plan.passage
    arrays = {name: to_numbers(rows, "float32") for name, rows in vars(found[0]).items()}
    return to_json(
        {
            "model": _model(engine),
            "layer": asked.layer,
            "direction": asked.direction,
            "pieces": passage.pieces,
            "ids": passage.ids,
            "offsets": passage.offsets,
            "shape": arrays["state"].shape,
            "dtype": "float32",
            **{name: encoded(numbers, asked.encoding) for name, numbers in arrays.items()},
            "usage": {"pieces": plan.pieces, "characters": len(asked.text)},
        }
    )


def complete_answer(plan: Continuing, found: Sequence[list[Completion]], engine: Engine) -> bytes:
    """Return the response body of /complete."""
    data = [{"index": index, **asdict(one)} for index, one in enumerate(found[0])]
    usage = {"pieces": plan.pieces, "characters": plan.characters}
    return to_json({"model": _model(engine), "data": data, "usage": usage})


def mix_used(mix: ScalarMix, name: str | None) -> Fields:
    """Return the description of a mix for a response."""
    return {"name": name, "weights": mix.weights, "gamma": mix.gamma}


def _unit(mix: ScalarMix) -> npt.NDArray[np.float64]:
    """Return the weights of a mix, divided by the largest magnitude among them.

    The scale of a mix changes no cosine, and it may be too large to compute with.
    """
    weights = np.array(mix.weights)
    largest = np.abs(weights).max()
    unit: npt.NDArray[np.float64] = weights / largest if largest and mix.gamma else 0 * weights
    return unit


def _cosines(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return the cosine of every pair of rows: `[rows, dim]` -> `[rows, rows]`.

    The cosine of a zero vector is 0 with every vector, itself included.
    """
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    cosines: npt.NDArray[np.floating] = unit @ unit.T
    return cosines


def _about(plan: Embedding, engine: Engine) -> Fields:
    source, model = plan.readout.source, _model(engine)
    if isinstance(source, ScalarMix):
        return {"model": model, "mix": mix_used(source, plan.mix_name)}
    return {"model": model, "mix": None, "layers": source}


def _embedded(plan: Embedding, index: int, vectors: Vectors) -> Fields:
    return _entry(plan, index) | embedding(vectors, plan.dtype, plan.encoding)


def _model(engine: Engine) -> Fields:
    return engine.model.model_dump(include={"id", "revision", "dim", "num_layers"})


def _usage(reading: Reading) -> Fields:
    return {"pieces": reading.pieces, "characters": reading.characters}


def _entry(plan: Embedding, index: int) -> Fields:
    """Return the fields of one text's entry in a response, without its vectors."""
    entry = _cut(plan.reading, index)
    if plan.reading.level == "text" and not plan.reading.passages[index].ids:
        entry["empty"] = True
    return entry


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
