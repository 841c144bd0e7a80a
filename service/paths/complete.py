"""POST /complete: how the forward model goes on with a text."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from fastapi.responses import Response
from pydantic import BaseModel, Field, FiniteFloat
from starlette.requests import Request

from biLM.questions import completions as completion
from biLM.questions.completions import Completion
from biLM.questions.question import Underway

from ..body import JSON
from ..endpoint import Endpoint
from ..engine import Engine
from ..errors import invalid
from ..fields import ModelFacts, Strict, Usage
from ..limits import check_steps, whole_text
from ..openapi import TEXT_CODES, Json, JsonBody, refusals
from ..router import new_router
from ..settings import Settings
from ..wire import to_json
from .texts import model_facts

Strategy = Literal["greedy", "sample", "beam"]
MAX_SEED = 2**53 - 1  # the largest integer that every JSON parser reads exactly
# An estimate of what a piece of a completion takes in a response, with its id and its characters.
WRITTEN_PIECE_BYTES = 60
USED_BY: Mapping[str, Strategy] = {
    "temperature": "sample",
    "top_k": "sample",
    "seed": "sample",
    "num_beams": "beam",
}

BEGUN = "我在用苹果手机"
COMPLETIONS: Json = {
    "greedy": {"summary": "The most probable piece each time", "value": {"text": BEGUN}},
    "sample": {
        "summary": "Three by chance",
        "value": {
            "text": BEGUN,
            "strategy": "sample",
            "temperature": 0.8,
            "num_completions": 3,
            "seed": 1,
        },
    },
    "beam": {
        "summary": "The two most probable that a beam finds",
        "value": {"text": BEGUN, "max_pieces": 8, "strategy": "beam", "num_completions": 2},
    },
}


class CompleteRequest(Strict):
    """A text to go on with. A field that the strategy does not use is refused."""

    text: str = Field(description="Cut into pieces by itself; may be empty.")
    max_pieces: int = Field(20, ge=1, le=256, description="How long a completion may be.")
    strategy: Strategy = Field(
        "greedy",
        description="The most probable piece each time; pieces by chance; or the most probable"
        " beginnings kept side by side, never with less than greedy's probability. Nothing makes up"
        " for length: the best of a beam are often short.",
    )
    temperature: FiniteFloat = Field(
        1.0, gt=0, le=10, description="sample: below 1 the probable becomes more probable."
    )
    top_k: int = Field(
        50, ge=1, le=1000, description="sample: how many of the most probable pieces it draws from."
    )
    seed: int = Field(
        0,
        ge=0,
        le=MAX_SEED,
        description="sample: of the chance. The same request has the same answer, and draw n is the"
        " same however many there are.",
    )
    num_beams: int = Field(4, ge=1, le=16, description="beam: how many beginnings are kept.")
    num_completions: int = Field(
        1, ge=1, le=16, description="sample: draws. beam: the best, at most num_beams. greedy: 1."
    )


class Completed(BaseModel):
    """How the text may go on."""

    index: int = Field(description="By probability with beam, by draw with sample.")
    text: str = Field(
        description="What the pieces spell: whole characters, in the model's spelling (NFKC)."
    )
    pieces: list[str]
    ids: list[int]
    log_probability: float = Field(
        description="Natural logarithm, summed over the pieces, and the end if finished, as the"
        " model has them, whatever temperature and top_k were."
    )
    finished: bool = Field(description="Whether the model ended the text there.")


class CompleteAnswer(BaseModel):
    """How the forward model goes on with a text."""

    model: ModelFacts
    data: list[Completed]
    usage: Usage


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
    with whole_text(settings, "send its end alone") as limit:
        question = engine.encoder.completions_for(request.text, strategy, request.max_pieces, limit)
    check_steps(
        question,
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


def complete_answer(plan: Continuing, found: Sequence[list[Completion]], engine: Engine) -> bytes:
    """Return the response body of /complete."""
    data = [{"index": index, **asdict(one)} for index, one in enumerate(found[0])]
    usage = {"pieces": plan.pieces, "characters": plan.characters}
    return to_json({"model": model_facts(engine), "data": data, "usage": usage})


COMPLETE = Endpoint(CompleteRequest, plan_continuing, {JSON: complete_answer})
router = new_router()


@router.post(
    "/complete",
    openapi_extra=JsonBody(CompleteRequest, COMPLETIONS),
    responses={200: {"model": CompleteAnswer}, **refusals(*TEXT_CODES)},
)
async def complete(request: Request) -> Response:
    """How the forward model goes on with a text: greedily, by chance, or with a beam."""
    return await COMPLETE.serve(request)
