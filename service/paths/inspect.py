"""POST /inspect: the gates and cells of one layer for each piece of a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.requests import Request

from biLM.errors import LayerError, TextTooLongError
from biLM.questions.gates import Direction, Gates
from biLM.questions.passage import Passage
from biLM.questions.question import Underway

from ..body import JSON
from ..endpoint import Endpoint, runtime_of
from ..engine import Engine
from ..errors import Details, RequestError
from ..fields import Encoding, ModelFacts, Strict, Usage
from ..limits import as_field, check_response, text_too_long, whole_text
from ..openapi import TEXT_CODES, Json, JsonBody, refusals
from ..router import new_router
from ..settings import Settings
from ..wire import encoded, num_bytes, to_json, to_numbers
from .texts import model_facts

Array = str | list[list[float]]
"""base64 of little-endian numbers in C order, or nested lists."""

SHORTER = "send a shorter text"
# The arrays are three gates, the candidate, the cell state and the state.
NUM_ARRAYS = 6

FAR_APART: Json = {
    "summary": "See what the cells keep from 法国 to the end of the sentence",
    "value": {"text": "我小时候在法国住过很多年，所以我会说法语", "layer": 2},
}

CODES = (*TEXT_CODES, "not_found", "response_too_large", "unknown_layer", "nonfinite_output")


class InspectRequest(Strict):
    """A text whose gates are requested."""

    text: str = Field(description="The text, of at most max_stepped_pieces pieces.")
    layer: int = Field(1, ge=1, description="The number of the LSTM layer, counted from 1.")
    direction: Direction = Field(
        "forward",
        description="The direction in which the text is read. The rows are in text order in both.",
    )
    encoding: Encoding = Field(
        "base64", description="How each of the six arrays is encoded, as in /embed."
    )


class InspectAnswer(BaseModel):
    """The gates and cells of one layer of one direction, with a row for each piece."""

    model: ModelFacts
    layer: int = Field(description="The number of the LSTM layer.")
    direction: Direction = Field(description="The direction in which the text was read.")
    pieces: list[str] = Field(description="The pieces of the text.")
    ids: list[int] = Field(description="The ids of the pieces.")
    offsets: list[tuple[int, int]] = Field(
        description="For each piece, the half-open range of code points that it covers."
    )
    shape: tuple[int, int] = Field(
        description="The shape of each of the six arrays: [pieces, cells]."
    )
    dtype: Literal["float32"] = Field(description="The number format of the six arrays.")
    input_gate: Array = Field(
        description="The share of the candidate that is written, from 0 to 1."
    )
    forget_gate: Array = Field(description="The share of the cell that is kept, from 0 to 1.")
    candidate: Array = Field(description="The values that may be written, from -1 to 1.")
    output_gate: Array = Field(description="The share of the cell that is shown, from 0 to 1.")
    cell_state: Array = Field(
        description="The cell after the piece: forget_gate x cell before + input_gate x candidate."
    )
    state: Array = Field(
        description="The output of the layer: output_gate x tanh(cell_state). In /embed, from layer"
        " 2 on, the residual connection adds the layer below."
    )
    usage: Usage


@dataclass(frozen=True)
class Inspection:
    """The plan of a request to /inspect.

    Args:
        passage: The text, with one row for each piece.
        question: The steps that the model will run.
        request: The request as it was sent.
        answer_bytes: Estimated size of the response.
    """

    passage: Passage
    question: Underway[Gates]
    request: InspectRequest
    answer_bytes: int

    @property
    def questions(self) -> Sequence[Underway[Gates]]:
        """The one question."""
        return [self.question]

    @property
    def pieces(self) -> int:
        """Number of pieces in the text."""
        return len(self.passage.ids)


def refuse_unless_inspecting(settings: Settings) -> None:
    """Refuse the request unless the operator has turned /inspect on.

    Raises:
        RequestError: not_found.
    """
    if not settings.inspect:
        raise RequestError(
            "not_found",
            "this service does not offer /inspect; its operator can enable it with BILM_INSPECT=1",
            details=Details(setting="inspect"),
        )


def plan_inspection(request: InspectRequest, engine: Engine, settings: Settings) -> Inspection:
    """Split the text into pieces and check its limits and the layer.

    Raises:
        RequestError: the model has no such layer, or the request exceeds a limit.
    """
    with whole_text(settings, SHORTER) as limit:
        passage = engine.encoder.pieces(request.text, limit)
    pieces = len(passage.ids)
    if pieces > settings.max_stepped_pieces:
        error = TextTooLongError(pieces, settings.max_stepped_pieces)
        raise text_too_long(error, "the text", "text", SHORTER, setting="max_stepped_pieces")
    numbers = NUM_ARRAYS * pieces * (engine.model.dim // 2)  # each direction has half of dim
    answer_bytes = num_bytes(numbers, "float32", request.encoding)
    with as_field("text", f"{SHORTER}, or request base64"):
        check_response(answer_bytes, settings)
    try:
        question = engine.encoder.gates_for(passage, request.layer, request.direction)
    except LayerError as error:
        raise RequestError("unknown_layer", f"{error}; see /info", param="layer") from error
    return Inspection(passage, question, request, answer_bytes)


def inspect_answer(plan: Inspection, found: Sequence[Gates], engine: Engine) -> bytes:
    """Return the response body of /inspect.

    Raises:
        RequestError: nonfinite_output, if a value is not finite.
    """
    request, passage = plan.request, plan.passage
    arrays = {name: to_numbers(rows, "float32") for name, rows in vars(found[0]).items()}
    return to_json(
        {
            "model": model_facts(engine),
            "layer": request.layer,
            "direction": request.direction,
            "pieces": passage.pieces,
            "ids": passage.ids,
            "offsets": passage.offsets,
            "shape": arrays["state"].shape,
            "dtype": "float32",
            **{name: encoded(numbers, request.encoding) for name, numbers in arrays.items()},
            "usage": {"pieces": plan.pieces, "characters": len(request.text)},
        }
    )


INSPECT = Endpoint(
    InspectRequest,
    plan_inspection,
    {JSON: inspect_answer},
    is_base64=lambda plan: plan.request.encoding == "base64",
)
router = new_router()


@router.post(
    "/inspect",
    openapi_extra=JsonBody(InspectRequest, {"text": FAR_APART}),
    responses={200: {"model": InspectAnswer}, **refusals(*CODES)},
)
async def inspect(request: Request) -> Response:
    """Return the gates and cells of one layer for each piece, if the setting `inspect` is on."""
    refuse_unless_inspecting(runtime_of(request).settings)
    return await INSPECT.serve(request)
