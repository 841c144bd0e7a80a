"""Plan a request to /inspect: choose the steps that the model will run, or refuse it."""

from collections.abc import Sequence
from dataclasses import dataclass

from biLM.errors import LayerError
from biLM.gates import Gates
from biLM.passage import Passage
from biLM.question import Underway
from service.engine import Engine
from service.errors import Details, RequestError
from service.limits import as_field, check_length, check_response
from service.schemas import InspectRequest
from service.settings import Settings
from service.wire import num_bytes

SHORTER = "send a shorter text"
NUM_ARRAYS = 6  # three gates, the candidate, the cell state and the state


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
            "this service shows no gates; its operator turns /inspect on with BILM_INSPECT=1",
            details=Details(setting="inspect"),
        )


def plan_inspection(request: InspectRequest, engine: Engine, settings: Settings) -> Inspection:
    """Split the text into pieces and check its limits and the layer.

    Raises:
        RequestError: the model has no such layer, or the request exceeds a limit.
    """
    passage = engine.read_text(request.text, "piece")
    pieces = len(passage.ids)
    check_length(pieces, settings.max_text_pieces, "max_text_pieces", SHORTER)
    check_length(pieces, settings.max_stepped_pieces, "max_stepped_pieces", SHORTER)
    numbers = NUM_ARRAYS * pieces * (engine.model.dim // 2)  # each direction has half of dim
    answer_bytes = num_bytes(numbers, "float32", request.encoding)
    with as_field("text", f"{SHORTER}, or ask for base64"):
        check_response(answer_bytes, settings)
    try:
        question = engine.ask_gates(passage, request.layer, request.direction)
    except LayerError as error:
        raise RequestError("unknown_layer", f"{error}; see /info", param="layer") from error
    return Inspection(passage, question, request, answer_bytes)
