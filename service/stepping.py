"""A request whose text is read one step at a time -> what the model has to do, or a refusal."""

from dataclasses import dataclass

from biLM.question import GatesOf
from service.engine import Engine
from service.errors import Details, RequestError
from service.plan import check_length, check_response, only
from service.schemas import Encoding, InspectRequest
from service.settings import Settings
from service.wire import num_bytes

SHORTER = "send a shorter text"
NUM_ARRAYS = 6  # three gates, candidate, cell and state


@dataclass(frozen=True)
class Inspection:
    """Gates and cells of a text.

    Args:
        question: What is asked of the model.
        encoding: How numbers travel.
        characters: Code points that were sent.
        answer_bytes: About what the answer takes.
    """

    question: GatesOf
    encoding: Encoding
    characters: int
    answer_bytes: int

    @property
    def pieces(self) -> int:
        """Pieces of the text."""
        return len(self.question.passage.ids)


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
    num_layers = engine.model.num_layers
    if request.layer > num_layers:
        raise RequestError(
            "unknown_layer",
            f"layer: those with gates are numbered 1 to {num_layers}; see /info",
            param="layer",
            details=Details(limit=num_layers, actual=request.layer),
        )
    passage = engine.read_text(request.text, "piece")
    pieces = len(passage.ids)
    check_length(pieces, settings.max_text_pieces, "max_text_pieces", SHORTER)
    check_length(pieces, settings.max_stepped_pieces, "max_stepped_pieces", SHORTER)
    numbers = NUM_ARRAYS * pieces * (engine.model.dim // 2)  # half of the width is a direction's
    answer_bytes = num_bytes(numbers, "float32", request.encoding)
    with only("text", f"{SHORTER}, or ask for base64"):
        check_response(answer_bytes, settings)
    question = engine.ask_gates(passage, request.layer, request.direction)
    return Inspection(question, request.encoding, len(request.text), answer_bytes)
