"""A request for gates -> the steps that the model has to do; refused here if it cannot."""

from dataclasses import dataclass

from biLM.errors import LayerError
from biLM.gates import Gates
from biLM.passage import Passage
from biLM.question import Underway
from service.engine import Engine
from service.errors import Details, RequestError
from service.limits import check_length, check_response, only
from service.schemas import InspectRequest
from service.settings import Settings
from service.wire import num_bytes

SHORTER = "send a shorter text"
NUM_ARRAYS = 6  # three gates, candidate, cell and state


@dataclass(frozen=True)
class Inspection:
    """Gates and cells of a text.

    Args:
        passage: The text, a row for each piece.
        question: What is asked of the model.
        request: As it came.
        answer_bytes: About what the answer takes.
    """

    passage: Passage
    question: Underway[Gates]
    request: InspectRequest
    answer_bytes: int

    @property
    def pieces(self) -> int:
        """Pieces of the text."""
        return len(self.passage.ids)


def refuse_unless_inspecting(settings: Settings) -> None:
    """Refuse what the operator has not turned on.

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
    """Cut the text.

    Raises:
        RequestError: the model has no such layer, or a limit is passed.
    """
    passage = engine.read_text(request.text, "piece")
    pieces = len(passage.ids)
    check_length(pieces, settings.max_text_pieces, "max_text_pieces", SHORTER)
    check_length(pieces, settings.max_stepped_pieces, "max_stepped_pieces", SHORTER)
    numbers = NUM_ARRAYS * pieces * (engine.model.dim // 2)  # half of the width is a direction's
    answer_bytes = num_bytes(numbers, "float32", request.encoding)
    with only("text", f"{SHORTER}, or ask for base64"):
        check_response(answer_bytes, settings)
    try:
        question = engine.ask_gates(passage, request.layer, request.direction)
    except LayerError as error:
        raise RequestError("unknown_layer", f"{error}; see /info", param="layer") from error
    return Inspection(passage, question, request, answer_bytes)
