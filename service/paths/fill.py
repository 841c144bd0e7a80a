"""POST /fill: the most probable pieces or phrases for the blank of a text."""

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

# An estimate of the bytes that a guess takes in a response: piece, id, probability, for 3 heads.
GUESS_BYTES = 240

BLANK: Json = {"summary": "Request guesses of one piece", "value": {"text": "我爱____"}}
BLANK_OF_TWO: Json = {
    "summary": "Request phrases of two pieces",
    "value": {"text": "我昨天在____吃了一个苹果。", "num_pieces": 2},
}


class FillRequest(Strict):
    """A text with a blank to fill."""

    text: str = Field(
        description="The text with one blank, which is written as two or more underscores, narrow"
        " or full-width."
    )
    top_k: int = Field(
        10,
        ge=1,
        le=1000,
        description="The number of guesses from each side; at most 16 if num_pieces is above 1.",
    )
    num_pieces: int = Field(1, ge=1, le=6, description="The number of pieces in the blank.")


class Guess(BaseModel):
    """A piece that may stand in the blank."""

    piece: str = Field(
        description="The piece as it is in the vocabulary, where U+2581 stands for a space."
    )
    id: int = Field(description="The id of the piece.")
    probability: float = Field(
        description="The probability of the piece among all pieces that are text."
    )


class Phrase(BaseModel):
    """Several pieces that may stand in the blank."""

    pieces: list[str] = Field(description="The pieces of the phrase.")
    ids: list[int] = Field(description="The ids of the pieces.")
    text: str = Field(description="The text that the pieces spell.")
    log_probability: float = Field(
        description="The natural logarithm of the phrase's probability. forward: given the text on"
        " the left, backward: given the text on the right, both among all phrases of text; cloze:"
        " given both, among the phrases that were considered, which are at most 32."
    )


class FillAnswer(BaseModel):
    """The most probable guesses for a blank; phrases if num_pieces is above 1."""

    model: ModelFacts
    blank: tuple[int, int] = Field(
        description="The half-open range of code points that the blank covers."
    )
    forward: list[Guess] | list[Phrase] = Field(description="Guesses from the text on the left.")
    backward: list[Guess] | list[Phrase] = Field(description="Guesses from the text on the right.")
    cloze: list[Guess] | list[Phrase] = Field(description="Guesses from both sides.")
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
            "top_k",
            f"it is {top_k}; with num_pieces above 1 it must be at most {MAX_PHRASES}",
        )
    try:
        with whole_text(settings, "send less text around the blank") as limit:
            blank = engine.encoder.blank(request.text, limit)
    except BlankError as error:
        raise invalid("text", str(error)) from error
    question: Question[Guesses] | Underway[Phrases] = engine.encoder.guesses_for(blank, top_k)
    if num_pieces > 1:
        question = engine.encoder.phrases_for(blank, num_pieces, top_k)
        check_steps(question, settings, "send less text around the blank, or request fewer pieces")
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
    """Return the most probable pieces for a blank: from the left, from the right and from both."""
    return await FILL.serve(request)
