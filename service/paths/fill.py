"""POST /fill: the most probable pieces, or phrases, for the blank of a text."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.requests import Request

from biLM.errors import BlankError
from biLM.questions.blank import Blank, Guesses
from biLM.questions.phrases import MAX_PHRASES, Phrases
from biLM.questions.question import Question, Underway

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

# An estimate of what a guess takes in a response: piece, id and probability for each of 3 heads.
GUESS_BYTES = 240

BLANK: Json = {"summary": "What may stand in the blank", "value": {"text": "我爱____"}}
BLANK_OF_TWO: Json = {
    "summary": "Phrases of two pieces",
    "value": {"text": "我昨天在____吃了一个苹果。", "num_pieces": 2},
}


class FillRequest(Strict):
    """A text with a blank to fill."""

    text: str = Field(description="With one blank, written as two or more underscores.")
    top_k: int = Field(
        10,
        ge=1,
        le=1000,
        description="How many from each side; with num_pieces above 1 at most 16.",
    )
    num_pieces: int = Field(1, ge=1, le=6, description="How many pieces fill the blank.")


class Guess(BaseModel):
    """A piece that may stand in the blank."""

    piece: str = Field(description="As it stands in the vocabulary; U+2581 is a space.")
    id: int
    probability: float = Field(description="Among all pieces that are text.")


class Phrase(BaseModel):
    """Several pieces that may stand in the blank."""

    pieces: list[str]
    ids: list[int]
    text: str = Field(description="What they spell.")
    log_probability: float = Field(
        description="Natural logarithm. forward: of all pieces given what stands left, backward:"
        " given what stands right, both over phrases of text; cloze: given both, over the at most"
        " 32 phrases that were considered."
    )


class FillAnswer(BaseModel):
    """What is most probable in a blank, by what was read; with num_pieces above 1, phrases."""

    model: ModelFacts
    blank: tuple[int, int] = Field(description="Half-open, in code points of the text.")
    forward: list[Guess] | list[Phrase] = Field(description="By what stands left of the blank.")
    backward: list[Guess] | list[Phrase] = Field(description="By what stands right of it.")
    cloze: list[Guess] | list[Phrase] = Field(description="By both sides.")
    usage: Usage


@dataclass(frozen=True)
class Filling:
    """The plan of a request to /fill.

    Args:
        question: The question for the model: guesses of one piece, or a search for phrases.
        blank: The text around the blank.
        characters: Length of the text that was sent, in code points.
        answer_bytes: Estimated size of the response.
    """

    question: Question[Guesses] | Underway[Phrases]
    blank: Blank
    characters: int
    answer_bytes: int

    @property
    def questions(self) -> Sequence[Question[Guesses] | Underway[Phrases]]:
        """The one question."""
        return [self.question]

    @property
    def pieces(self) -> int:
        """Number of pieces around the blank."""
        return len(self.question.ids)


def plan_filling(request: FillRequest, engine: Engine, settings: Settings) -> Filling:
    """Find the blank and split the text around it into pieces.

    Raises:
        RequestError: there is not exactly one blank, or a limit is exceeded.
    """
    num_pieces, top_k = request.num_pieces, request.top_k
    if num_pieces > 1 and top_k > MAX_PHRASES:
        raise invalid(
            "top_k", f"it is {top_k}; with num_pieces above 1 it is at most {MAX_PHRASES}"
        )
    try:
        with whole_text(settings, "send less around the blank") as limit:
            blank = engine.encoder.blank(request.text, limit)
    except BlankError as error:
        raise invalid("text", str(error)) from error
    question: Question[Guesses] | Underway[Phrases] = engine.encoder.guesses_for(blank, top_k)
    if num_pieces > 1:
        question = engine.encoder.phrases_for(blank, num_pieces, top_k)
        check_steps(question, settings, "send less around the blank, or ask for fewer pieces")
    return Filling(question, blank, len(request.text), top_k * num_pieces * GUESS_BYTES)


def fill_answer(plan: Filling, found: Sequence[Guesses | Phrases], engine: Engine) -> bytes:
    """Return the response body of /fill."""
    usage = {"pieces": plan.pieces, "characters": plan.characters}
    blank = plan.blank.offset
    return to_json({"model": model_facts(engine), "blank": blank, **found[0], "usage": usage})


FILL = Endpoint(FillRequest, plan_filling, {JSON: fill_answer})
router = new_router()


@router.post(
    "/fill",
    openapi_extra=JsonBody(FillRequest, {"text": BLANK, "phrases": BLANK_OF_TWO}),
    responses={200: {"model": FillAnswer}, **refusals(*TEXT_CODES)},
)
async def fill(request: Request) -> Response:
    """The most probable pieces for the blank of a text, from the left, the right and both sides."""
    return await FILL.serve(request)
