"""POST /tokenize: the pieces of texts, their ids and their offsets."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi.responses import Response
from pydantic import BaseModel
from starlette.requests import Request

from ..body import JSON
from ..endpoint import Endpoint
from ..engine import Engine
from ..fields import ModelFacts, Usage
from ..openapi import BODY_CODES, Json, JsonBody, refusals
from ..router import new_router
from ..settings import Settings
from ..wire import to_json
from .texts import (
    TWO_TEXTS,
    Cut,
    OfTexts,
    TokenizeRequest,
    cut_entry,
    model_facts,
    read,
    source_of,
    usage_of,
)

PIECES_OF_TEXTS: Json = {**TWO_TEXTS, "summary": "Request the pieces of two texts"}
# An estimate of the bytes that a piece takes in a response of /tokenize, with id and offset.
CUT_PIECE_BYTES = 40


class TokenizeAnswer(BaseModel):
    """The pieces of the texts, in the order of the request."""

    model: ModelFacts
    data: list[Cut]
    usage: Usage


@dataclass(frozen=True)
class Cutting(OfTexts):
    """The plan of a request to /tokenize, which does not need the model."""

    @property
    def questions(self) -> tuple[()]:
        """An empty tuple, because the model computes nothing."""
        return ()

    @property
    def answer_bytes(self) -> int:
        """Estimated size of the response."""
        return self.pieces * CUT_PIECE_BYTES


def plan_tokenizing(request: TokenizeRequest, engine: Engine, settings: Settings) -> Cutting:
    """Split the texts into pieces.

    Raises:
        RequestError: not exactly one of texts, words and ids was sent, or a limit is exceeded.
    """
    source_of(request)
    return Cutting(read(request, "piece", engine, settings))


def tokenize_answer(plan: Cutting, _: Sequence[object], engine: Engine) -> bytes:
    """Return the response body of /tokenize."""
    data = [cut_entry(plan.reading, index) for index in range(len(plan.reading.passages))]
    return to_json({"model": model_facts(engine), "data": data, "usage": usage_of(plan.reading)})


TOKENIZE = Endpoint(TokenizeRequest, plan_tokenizing, {JSON: tokenize_answer})
router = new_router()


@router.post(
    "/tokenize",
    openapi_extra=JsonBody(TokenizeRequest, {"texts": PIECES_OF_TEXTS}),
    responses={200: {"model": TokenizeAnswer}, **refusals(*BODY_CODES)},
)
async def tokenize(request: Request) -> Response:
    """Return the pieces, ids and offsets that /embed would use for the texts."""
    return await TOKENIZE.serve(request)
