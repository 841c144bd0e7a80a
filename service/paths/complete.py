"""POST /complete: continuations of a text by the forward model."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from fastapi.responses import Response
from pydantic import BaseModel, Field, FiniteFloat
from starlette.requests import Request

from biLM.questions import completions
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
# Every JSON parser reads integers up to this one exactly.
MAX_SEED = 2**53 - 1
# An estimate of the bytes that a piece of a completion takes in a response, with id and characters.
WRITTEN_PIECE_BYTES = 60
USED_BY: Mapping[str, Strategy] = {
    "temperature": "sample",
    "top_k": "sample",
    "seed": "sample",
    "num_beams": "beam",
}

BEGUN = "我在用苹果手机"
COMPLETIONS: Json = {
    "greedy": {"summary": "Take the most probable piece each time", "value": {"text": BEGUN}},
    "sample": {
        "summary": "Draw three completions",
        "value": {
            "text": BEGUN,
            "strategy": "sample",
            "temperature": 0.8,
            "num_completions": 3,
            "seed": 1,
        },
    },
    "beam": {
        "summary": "Return the two most probable completions of a beam search",
        "value": {"text": BEGUN, "max_pieces": 8, "strategy": "beam", "num_completions": 2},
    },
}


class CompleteRequest(Strict):
    """A text to continue. A field that the strategy does not use is refused."""

    text: str = Field(description="The beginning of the text; may be empty.")
    max_pieces: int = Field(
        20, ge=1, le=256, description="The largest number of pieces in a completion."
    )
    strategy: Strategy = Field(
        "greedy",
        description="greedy takes the most probable piece each time. sample draws pieces at random."
        " beam keeps several beginnings and returns the most probable completions, the best of them"
        " at least as probable as greedy's. It does not correct for length, so the best are often"
        " short.",
    )
    temperature: FiniteFloat = Field(
        1.0, gt=0, le=10, description="For sample: below 1, it makes probable pieces more probable."
    )
    top_k: int = Field(
        50,
        ge=1,
        le=1000,
        description="For sample: the number of most probable pieces to draw from.",
    )
    seed: int = Field(
        0,
        ge=0,
        le=MAX_SEED,
        description="For sample: the seed of the draws. The same request gets the same response,"
        " and draw n is the same however many draws are requested.",
    )
    num_beams: int = Field(
        4, ge=1, le=16, description="For beam: the number of beginnings that are kept."
    )
    num_completions: int = Field(
        1,
        ge=1,
        le=16,
        description="The number of completions: for sample, the number of draws; for beam, at most"
        " num_beams; for greedy, 1.",
    )


class Completed(BaseModel):
    """A possible continuation of the text."""

    index: int = Field(
        description="The position in the list: by probability for beam, by draw for sample."
    )
    text: str = Field(
        description="The text that the pieces spell: whole characters, normalised by NFKC."
    )
    pieces: list[str] = Field(description="The pieces of the continuation.")
    ids: list[int] = Field(description="The ids of the pieces.")
    log_probability: float = Field(
        description="The natural logarithm of the model's probability, summed over the pieces and,"
        " if finished, the end. temperature and top_k do not change it."
    )
    finished: bool = Field(description="Whether the model ended the text after the last piece.")


class CompleteAnswer(BaseModel):
    """The continuations of a text."""

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
    with whole_text(settings, "send only its end") as limit:
        question = engine.encoder.completions_for(request.text, strategy, request.max_pieces, limit)
    check_steps(
        question,
        settings,
        "send only its end, or request fewer pieces, beams or completions",
    )
    num_bytes = request.num_completions * request.max_pieces * WRITTEN_PIECE_BYTES
    return Continuing(question, len(request.text), num_bytes)


def _strategy(request: CompleteRequest) -> completions.Strategy:
    for name, strategy in USED_BY.items():
        if name in request.model_fields_set and request.strategy != strategy:
            raise invalid(
                name,
                f"the strategy {request.strategy} does not use it; leave it out, or send the"
                f" strategy {strategy}",
            )
    number = request.num_completions
    if request.strategy == "sample":
        return completions.Sampling(request.temperature, request.top_k, request.seed, number)
    if request.strategy == "beam":
        if number > request.num_beams:
            raise invalid(
                "num_completions",
                f"it is {number}, but there are {request.num_beams} beams; send at most num_beams",
            )
        return completions.Beam(request.num_beams, number)
    if number > 1:
        raise invalid(
            "num_completions",
            f"it is {number}, but greedy returns one completion; send 1 or another strategy",
        )
    return completions.Greedy()


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
    """Continue a text with the forward model: greedily, by sampling or by a beam search."""
    return await COMPLETE.serve(request)
