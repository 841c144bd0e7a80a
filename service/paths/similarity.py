"""POST /similarity: the cosines between the occurrences of a word."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.requests import Request

from biLM.network.config import CONTEXT
from biLM.network.scalar_mix import ScalarMix
from biLM.questions.question import Question
from biLM.questions.readout import Readout
from biLM.questions.vectors import Vectors

from ..body import JSON
from ..endpoint import Endpoint
from ..engine import Engine
from ..errors import invalid
from ..fields import ModelFacts, Strict, Texts, Usage
from ..limits import as_field, check_response
from ..openapi import BODY_CODES, Json, JsonBody, refusals
from ..router import new_router
from ..settings import Settings
from ..wire import JSON_DOUBLE_BYTES, encoded, num_bytes, to_json
from .mixes import Mix, MixUsed, chosen_mix, mix_used
from .texts import APPLES, OfTexts, TokenizeRequest, model_facts, read, usage_of

APPLE: Json = {
    "summary": "Compare the 苹果 of two texts",
    "value": {"word": "苹果", "texts": APPLES},
}
CODES = (*BODY_CODES, "response_too_large", "unknown_mix")


class SimilarityRequest(Strict):
    """A word and the texts in which its occurrences are compared."""

    word: str = Field(
        min_length=1,
        description="The word. It is searched for as written, from left to right, without overlap.",
    )
    texts: Texts = Field(description="One text or a list of texts.")
    mix: Mix | None = Field(None, description='The mix, as in /embed. The default is "default".')
    center: bool = Field(
        True, description="Whether to centre, as in /embed. Without it, cosines mean little."
    )


class Occurrence(BaseModel):
    """An occurrence of the word."""

    index: int = Field(description="The position of the text in the request, counted from 0.")
    offset: tuple[int, int] = Field(
        description="The half-open range of code points that the word covers."
    )


class Cosines(BaseModel):
    """Matrices of cosines, with a row and a column for each occurrence."""

    layers: list[list[list[float]]] = Field(description="One matrix per layer, layer 0 first.")
    context: list[list[float]] = Field(description="The matrix of the layer context.")
    mix: list[list[float]] = Field(description="The matrix of the mixed vectors.")


class SimilarityAnswer(BaseModel):
    """The cosines between the occurrences of a word."""

    model: ModelFacts
    mix: MixUsed
    occurrences: list[Occurrence] = Field(
        description="The occurrences, from left to right, text by text."
    )
    cosine: Cosines
    usage: Usage


@dataclass(frozen=True)
class Comparison(OfTexts):
    """The plan of a request to /similarity; each occurrence of the word is a span of its text.

    Args:
        questions: One for each text that has the word, by every layer and the context.
        mix: A mix of the layers, by which the occurrences are compared as well.
        mix_name: Name of the mix; None if the caller sent a mix of its own.
        answer_bytes: Estimated size of the response.
    """

    questions: Sequence[Question[Vectors]]
    mix: ScalarMix
    mix_name: str | None
    answer_bytes: int


def plan_similarity(request: SimilarityRequest, engine: Engine, settings: Settings) -> Comparison:
    """Find the word and split the texts into pieces.

    Raises:
        RequestError: the word is in no text, the mix does not fit the model, or a limit is
            exceeded.
    """
    mix, mix_name = chosen_mix(request.mix, engine)
    as_tokenize = TokenizeRequest(texts=request.texts)
    spans = _occurrences_in(as_tokenize.all_texts, request.word, settings)
    num_occurrences = sum(map(len, spans))
    if not num_occurrences:
        raise invalid(
            "word", "it occurs in none of the texts; send texts that contain it exactly as written"
        )
    layers = (*range(engine.num_representations), CONTEXT)
    num_pairs = num_occurrences**2
    of_layers = num_bytes(num_pairs * len(layers), "float32", "json")
    answer_bytes = of_layers + num_pairs * JSON_DOUBLE_BYTES
    with as_field("texts", "send fewer or shorter texts"):
        check_response(answer_bytes, settings)
        reading = read(as_tokenize, "span", engine, settings, spans)
    readout = Readout(layers, center=request.center)
    holding = [passage for passage in reading.passages if passage.ranges]
    if any(passage.empty_rows for passage in holding):
        raise invalid(
            "word", "it has no character with content; send a word with a visible character"
        )
    questions = [engine.encoder.vectors_for(passage, readout) for passage in holding]
    return Comparison(reading, questions, mix, mix_name, answer_bytes)


def _occurrences_in(
    texts: Sequence[str], word: str, settings: Settings
) -> list[list[tuple[int, int]]]:
    """Return the occurrences of the word in each text; refuse, as soon as there are too many."""
    left = settings.max_request_pieces + 1  # an occurrence has a piece at least
    spans = []
    for text in texts:
        spans.append(list(islice(_occurrences(word, text), left)))
        left -= len(spans[-1])
    return spans


def _occurrences(word: str, text: str) -> Iterator[tuple[int, int]]:
    begin = text.find(word)
    while begin >= 0:
        yield begin, begin + len(word)
        begin = text.find(word, begin + len(word))


def similarity_answer(plan: Comparison, vectors: Sequence[Vectors], engine: Engine) -> bytes:
    """Return the response body of /similarity."""
    *layers, context = np.concatenate(vectors, axis=1)
    # The weights are float64, and so are these vectors and their cosines.
    mixed = np.tensordot(_unit(plan.mix), np.stack(layers), axes=1)
    occurrences = [
        {"index": index, "offset": offset}
        for index, passage in enumerate(plan.reading.passages)
        for offset in passage.offsets
    ]
    cosine = {
        "layers": [encoded(_cosines(layer), "json") for layer in layers],
        "context": encoded(_cosines(context), "json"),
        "mix": encoded(_cosines(mixed), "json"),
    }
    return to_json(
        {
            "model": model_facts(engine),
            "mix": mix_used(plan.mix, plan.mix_name),
            "occurrences": occurrences,
            "cosine": cosine,
            "usage": usage_of(plan.reading),
        }
    )


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


SIMILARITY = Endpoint(SimilarityRequest, plan_similarity, {JSON: similarity_answer})
router = new_router()


@router.post(
    "/similarity",
    openapi_extra=JsonBody(SimilarityRequest, {"apples": APPLE}),
    responses={200: {"model": SimilarityAnswer}, **refusals(*CODES)},
)
async def similarity(request: Request) -> Response:
    """Return the cosines between the occurrences of a word: by layer, by context and by mix."""
    return await SIMILARITY.serve(request)
