"""POST /embed: vectors of texts, for each piece, code point, word, span or text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.requests import Request

from biLM.network.config import Layer
from biLM.network.pooling import Pooling
from biLM.network.scalar_mix import ScalarMix
from biLM.questions.passage import Level
from biLM.questions.question import Question
from biLM.questions.readout import Readout
from biLM.questions.vectors import Vectors

from ..body import JSON
from ..endpoint import Endpoint, Streamed
from ..engine import Engine
from ..errors import invalid
from ..fields import DType, Encoding, Listed, ModelFacts, Usage
from ..limits import check_response
from ..openapi import BODY_CODES, Json, JsonBody, refusals
from ..router import new_router
from ..settings import Settings
from ..wire import (
    NDJSON,
    SAFETENSORS,
    embedding,
    num_bytes,
    to_json,
    to_numbers,
    to_safetensors,
)
from .layers import Layers, chosen_layers
from .mixes import Mix, MixUsed, check_size, chosen_mix, mix_used
from .texts import (
    APPLES,
    TWO_TEXTS,
    Cut,
    OfTexts,
    TokenizeRequest,
    cut_entry,
    model_facts,
    read,
    source_of,
    usage_of,
)

# The first level of each source is its default.
LEVELS_OF_SOURCE: dict[str, tuple[Level, ...]] = {
    "texts": ("piece", "char", "span", "text"),
    "words": ("word", "piece", "text"),
    "ids": ("piece", "text"),
}

EXAMPLES: Json = {
    "pieces": TWO_TEXTS,
    "spans": {
        "summary": "Request the vectors of two 苹果 from the last layer, centred, as JSON numbers",
        "value": {
            "texts": APPLES,
            "level": "span",
            "spans": [[[5, 7]], [[3, 5]]],
            "mix": {"weights": [0.0, 0.0, 1.0], "gamma": 1.0},
            "center": True,
            "encoding": "json",
        },
    },
    "words": {
        "summary": "Request a vector for every word",
        "value": {"words": [["我", "吃了", "苹果"]]},
    },
}
OTHER_BODIES: Json = {
    SAFETENSORS: {
        "schema": {
            "type": "string",
            "format": "binary",
            "description": "The body has the tensors `embedding` [total_rows, dim], or [layers,"
            " total_rows, dim] with layers, `row_splits` int64 [texts + 1], `offsets` int32"
            " [total_rows, 2] (not for ids) and `ids` int32 (at level piece only). `__metadata__`"
            " has the other fields of the JSON response, each as JSON.",
        }
    },
    NDJSON: {
        "schema": {
            "type": "string",
            "description": "Each line is an entry of `data`, sent as soon as its text is finished."
            " The last line is the response without `data`, or an `ErrorAnswer` if the request"
            " failed after the first line.",
        }
    },
}

CODES = (
    *BODY_CODES,
    "response_too_large",
    "unknown_mix",
    "bad_span",
    "unknown_layer",
    "nonfinite_output",
)


class EmbedRequest(TokenizeRequest):
    """Texts to embed, and the vectors to return."""

    level: Level | None = Field(
        None,
        description="What each vector stands for: a piece, a code point (char), a word (with words"
        " only), a span (with spans only) or the whole text. The default is word for words, and"
        " piece otherwise.",
    )
    spans: Listed[Listed[Listed[int]]] | None = Field(
        None,
        description="The spans for level span: for each text, a list of half-open ranges [begin,"
        " end) of code points.",
    )
    pooling: Pooling = Field(
        "mean",
        description="How the vectors of pieces become one vector of a char, word, span or text.",
    )
    mix: Mix | None = Field(
        None,
        description="How the layers become one vector: by a mix that is named in /info, or by"
        ' weights or logits. The default is the mix "default" of the artifact.',
    )
    layers: Layers | None = Field(
        None,
        description='Layer numbers or "all", instead of mix. The vectors are returned unmixed, with'
        ' a leading layer axis. "context" is what the model predicts in and around the place of a'
        " row without seeing the row itself. If the row is a part of a piece, the model sees the"
        " rest of it. The context is not pooled, and level text does not have it.",
    )
    center: bool = Field(
        False,
        description="Whether to subtract the artifact's mean vector from each layer and to bound"
        " the remaining values, before mixing. Without it, cosines mean little.",
    )
    normalize: bool = Field(False, description="Whether to scale every vector to length 1.")
    dtype: DType = Field("float32", description="The number format of the vectors in the response.")
    encoding: Encoding = Field(
        "base64",
        description="How the vectors are encoded: as base64 of little-endian numbers in C order, or"
        " as nested lists.",
    )


class Embedded(Cut):
    """One text and its vectors."""

    shape: list[int] = Field(
        description="The shape of the array: [rows, dim], or [layers, rows, dim] with layers."
    )
    dtype: DType = Field(description="The number format of the vectors.")
    embedding: str | list[object] = Field(
        description="The vectors as base64 of little-endian numbers in C order, or as nested lists."
    )
    empty: Literal[True] | None = Field(
        None, description="True if the text has no pieces; absent otherwise. All its rows are zero."
    )
    empty_rows: list[int] | None = Field(
        None,
        description="The numbers of the rows that have no pieces, counted from 0, whose vectors are"
        " zero: empty words, characters without content, rows that were cut off. Absent if there"
        " are none.",
    )


class EmbedAnswer(BaseModel):
    """The vectors of the texts, in the order of the request."""

    model: ModelFacts
    mix: MixUsed | None = Field(description="The mix that was applied; null with layers.")
    layers: list[int | Literal["context"]] | None = Field(
        None, description="The layers on the leading axis, if layers were requested."
    )
    data: list[Embedded]
    usage: Usage


@dataclass(frozen=True)
class Embedding(OfTexts):
    """The plan of a request to /embed or /v1/embeddings.

    Args:
        questions: One for each text.
        readout: What to compute from the representations.
        mix_name: Name of the mix; None with layers, or if the caller sent a mix of its own.
        dtype: Number format of the vectors in the response.
        encoding: How the vectors are encoded in the response.
        answer_bytes: Estimated size of the response.
    """

    questions: Sequence[Question[Vectors]]
    readout: Readout
    mix_name: str | None
    dtype: DType
    encoding: Encoding
    answer_bytes: int


def plan_embedding(request: EmbedRequest, engine: Engine, settings: Settings) -> Embedding:
    """Split the texts into pieces and choose the readout.

    Raises:
        RequestError: a field contradicts another field or the model, or a limit is exceeded.
    """
    level = _level(request)
    _check_spans(request, level)
    readout, mix_name = _readout(request, engine)
    if readout.has_context and level == "text":
        raise invalid(
            "layers",
            "level text has no context, because nothing is around a whole text; send another level",
        )
    row_bytes = num_bytes(
        engine.model.dim * (readout.layer_axis or 1), request.dtype, request.encoding
    )
    # Where the number of rows is known beforehand, refuse before the work of splitting the texts.
    check_response(_least_rows(request, level) * row_bytes, settings)
    reading = read(request, level, engine, settings, request.spans or ())
    answer_bytes = reading.rows * row_bytes
    check_response(answer_bytes, settings)
    return Embedding(
        reading,
        questions=[engine.encoder.vectors_for(one, readout) for one in reading.passages],
        readout=readout,
        mix_name=mix_name,
        dtype=request.dtype,
        encoding=request.encoding,
        answer_bytes=answer_bytes,
    )


def _level(request: EmbedRequest) -> Level:
    source = source_of(request)
    levels = LEVELS_OF_SOURCE[source]
    level = request.level or levels[0]
    if level not in levels:
        raise invalid(
            "level",
            f"it is {level}, but {source} have the levels {', '.join(levels)}; send one of these",
        )
    return level


def _check_spans(request: EmbedRequest, level: Level) -> None:
    if (request.spans is not None) != (level == "span"):
        raise invalid("spans", 'spans and "level": "span" belong together; send both or neither')
    num_texts = len(request.all_texts)
    if request.spans is not None and len(request.spans) != num_texts:
        raise invalid(
            "spans",
            f"there are {len(request.spans)} lists for {num_texts} texts; send one list per text",
        )


def _readout(request: EmbedRequest, engine: Engine) -> tuple[Readout, str | None]:
    source: ScalarMix | tuple[Layer, ...]
    mix_name = None
    if request.layers is not None:
        if request.mix is not None:
            raise invalid("layers", "layers are returned unmixed; send either layers or mix")
        source = chosen_layers(request.layers, engine.num_representations)
    else:
        source, mix_name = chosen_mix(request.mix, engine)
        if mix_name is None:
            check_size(source)
    return Readout(source, request.pooling, request.center, request.normalize), mix_name


def _least_rows(request: EmbedRequest, level: Level) -> int:
    """Return a lower bound on the number of rows, known before the texts are split into pieces."""
    match level:
        case "char":
            return sum(map(len, request.all_texts))
        case "word":
            return sum(map(len, request.words or ()))
        case "span":
            return sum(map(len, request.spans or ()))
        case _:
            return 0


def embed_answer(plan: Embedding, vectors: Sequence[Vectors], engine: Engine) -> bytes:
    """Return the response body of /embed.

    Raises:
        RequestError: nonfinite_output, if a value is not finite.
    """
    data = [_embedded(plan, index, found) for index, found in enumerate(vectors)]
    return to_json({**_about(plan, engine), "data": data, "usage": usage_of(plan.reading)})


def embed_line(plan: Embedding, index: int, vectors: Vectors) -> bytes:
    """Return the line of one text in a streamed response of /embed: an entry of `data`.

    Raises:
        RequestError: nonfinite_output, if a value is not finite.
    """
    return to_json(_embedded(plan, index, vectors))


def embed_summary(plan: Embedding, engine: Engine) -> bytes:
    """Return the last line of a streamed response of /embed: the response without `data`."""
    return to_json({**_about(plan, engine), "usage": usage_of(plan.reading)})


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
    rest = {**_about(plan, engine), "data": data, "usage": usage_of(reading)}
    return to_safetensors(tensors, rest)


def _about(plan: Embedding, engine: Engine) -> dict[str, object]:
    source, model = plan.readout.source, model_facts(engine)
    if isinstance(source, ScalarMix):
        return {"model": model, "mix": mix_used(source, plan.mix_name)}
    return {"model": model, "mix": None, "layers": source}


def _embedded(plan: Embedding, index: int, vectors: Vectors) -> dict[str, object]:
    return _entry(plan, index) | embedding(vectors, plan.dtype, plan.encoding)


def _entry(plan: Embedding, index: int) -> dict[str, object]:
    """Return the fields of one text's entry in a response, without its vectors."""
    entry, passage = cut_entry(plan.reading, index), plan.reading.passages[index]
    if not passage.ids:
        entry["empty"] = True
    if empty_rows := passage.empty_rows:
        entry["empty_rows"] = empty_rows
    return entry


EMBED = Endpoint(
    EmbedRequest,
    plan_embedding,
    {JSON: embed_answer, SAFETENSORS: embed_tensors},
    Streamed(embed_line, embed_summary),
    is_base64=lambda plan: plan.encoding == "base64",
)
router = new_router()


@router.post(
    "/embed",
    openapi_extra=JsonBody(EmbedRequest, EXAMPLES),
    responses={200: {"model": EmbedAnswer, "content": OTHER_BODIES}, **refusals(*CODES)},
)
async def embed(request: Request) -> Response:
    """Return a vector for every piece, code point, word or span of the texts, or for each text."""
    return await EMBED.serve(request)
