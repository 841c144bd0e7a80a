"""POST /v1/embeddings: /embed for clients of OpenAI's API."""

from collections.abc import Sequence
from typing import Literal

from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.requests import Request

from biLM.questions.vectors import Vectors

from ..body import JSON
from ..endpoint import Endpoint
from ..engine import Engine
from ..errors import invalid
from ..fields import Encoding, Strict, Texts
from ..limits import as_field
from ..openapi import BODY_CODES, Json, JsonBody, refusals
from ..router import new_router
from ..settings import Settings
from ..wire import encoded, to_json, to_numbers
from .embed import Embedding, EmbedRequest, plan_embedding
from .texts import APPLES

OPENAI_INPUT: Json = {"summary": "Request a vector for each text", "value": {"input": APPLES}}
CODES = (*BODY_CODES, "response_too_large", "nonfinite_output")


class OpenAIRequest(Strict):
    """Texts to embed, in the form of OpenAI's API."""

    input: Texts = Field(description="One text or a list of texts. None may be empty.")
    model: str | None = Field(None, description="The id of the model that is served.")
    encoding_format: Literal["float", "base64"] = Field(
        "float",
        description="How vectors are encoded: as lists, or as base64 of little-endian float32.",
    )
    dimensions: int | None = Field(
        None,
        description="The number of values in a vector. Only the width of the model is accepted.",
    )
    user: str | None = Field(None, description="This field is ignored.")


class OpenAIEmbedding(BaseModel):
    """A text and its vector."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class OpenAIUsage(BaseModel):
    """The number of pieces that were read."""

    prompt_tokens: int
    total_tokens: int


class OpenAIAnswer(BaseModel):
    """The vectors of the texts, in the order of the request."""

    object: Literal["list"]
    data: list[OpenAIEmbedding]
    model: str
    usage: OpenAIUsage


def plan_openai(request: OpenAIRequest, engine: Engine, settings: Settings) -> Embedding:
    """Plan a vector for each text: default mix, centred, averaged over the pieces, of unit length.

    Raises:
        RequestError: the requested model or width is not the one served, a text is empty, or a
            limit is exceeded.
    """
    model = engine.model
    if request.model not in (None, model.id):
        raise invalid(
            "model", f"this service has the model {model.id!r}; send this name, or leave it out"
        )
    if request.dimensions not in (None, model.dim):
        raise invalid(
            "dimensions", f"a vector has {model.dim} numbers; send {model.dim}, or leave it out"
        )
    texts = [request.input] if isinstance(request.input, str) else request.input
    if "" in texts:
        raise invalid("input", "a text is empty and has no vector; leave it out", texts.index(""))
    encoding: Encoding = "base64" if request.encoding_format == "base64" else "json"
    as_embed = EmbedRequest(
        texts=texts, level="text", center=True, normalize=True, encoding=encoding
    )
    with as_field("input", "send fewer or shorter texts"):
        plan = plan_embedding(as_embed, engine, settings)
    for index, passage in enumerate(plan.reading.passages):
        if not passage.ids:
            raise invalid(
                "input", f"text {index} has nothing that the model can read; leave it out", index
            )
    return plan


def openai_answer(plan: Embedding, vectors: Sequence[Vectors], engine: Engine) -> bytes:
    """Return the response body of /v1/embeddings.

    Raises:
        RequestError: nonfinite_output, if a value is not finite.
    """
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": encoded(to_numbers(found[0], plan.dtype), plan.encoding),
        }
        for index, found in enumerate(vectors)
    ]
    usage = {"prompt_tokens": plan.pieces, "total_tokens": plan.pieces}
    return to_json({"object": "list", "data": data, "model": engine.model.id, "usage": usage})


OPENAI = Endpoint(
    OpenAIRequest,
    plan_openai,
    {JSON: openai_answer},
    is_base64=lambda plan: plan.encoding == "base64",
)
router = new_router()


@router.post(
    "/v1/embeddings",
    openapi_extra=JsonBody(OpenAIRequest, {"input": OPENAI_INPUT}),
    responses={200: {"model": OpenAIAnswer}, **refusals(*CODES)},
)
async def openai_embeddings(request: Request) -> Response:
    """Return a vector for each text: by the default mix, centred, averaged, of length 1."""
    return await OPENAI.serve(request)
