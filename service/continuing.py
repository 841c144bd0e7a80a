"""Plan a request to /complete: choose the search that the model will run, or refuse it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from biLM import completion
from biLM.completion import Completion
from biLM.question import Underway
from service.engine import Engine
from service.errors import invalid
from service.limits import check_length, check_steps
from service.schemas import CompleteRequest, Strategy
from service.settings import Settings

# An estimate of what a piece of a completion takes in a response, with its id and its characters.
WRITTEN_PIECE_BYTES = 60
USED_BY: Mapping[str, Strategy] = {
    "temperature": "sample",
    "top_k": "sample",
    "seed": "sample",
    "num_beams": "beam",
}


@dataclass(frozen=True)
class Continuing:
    """The plan of a request to /complete.

    Args:
        question: The search that the model will run.
        characters: Length of the text that was sent, in code points.
        answer_bytes: Estimated size of the response.
    """

    question: Underway[list[Completion]]
    characters: int
    answer_bytes: int

    @property
    def questions(self) -> Sequence[Underway[list[Completion]]]:
        """The one question."""
        return [self.question]

    @property
    def pieces(self) -> int:
        """Number of pieces in the text."""
        return len(self.question.ids)


def plan_continuing(request: CompleteRequest, engine: Engine, settings: Settings) -> Continuing:
    """Split the text into pieces and choose the search.

    Raises:
        RequestError: the request sets a field that its strategy does not use, or requests more
            completions than the strategy can return, or exceeds a limit.
    """
    strategy = _strategy(request)
    question = engine.ask_completions(request.text, strategy, request.max_pieces)
    check_length(
        len(question.ids), settings.max_text_pieces, "max_text_pieces", "send its end alone"
    )
    check_steps(
        question.asked,
        settings,
        "send its end alone, or ask for fewer pieces, beams or completions",
    )
    num_bytes = request.num_completions * request.max_pieces * WRITTEN_PIECE_BYTES
    return Continuing(question, len(request.text), num_bytes)


def _strategy(request: CompleteRequest) -> completion.Strategy:
    for name, strategy in USED_BY.items():
        if name in request.model_fields_set and request.strategy != strategy:
            raise invalid(
                name,
                f"the strategy {request.strategy} does not use it; leave it out, or ask for"
                f" {strategy}",
            )
    number = request.num_completions
    if request.strategy == "sample":
        return completion.Sampling(request.temperature, request.top_k, request.seed, number)
    if request.strategy == "beam":
        if number > request.num_beams:
            raise invalid(
                "num_completions",
                f"it is {number}, of {request.num_beams} beams; ask for at most num_beams",
            )
        return completion.Beam(request.num_beams, number)
    if number > 1:
        raise invalid(
            "num_completions",
            f"it is {number}; greedy has one; ask for one, or for another strategy",
        )
    return completion.Greedy()
