"""POST /v1/embeddings: /embed for clients of OpenAI's API."""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi.responses import Response
from pydantic import BaseModel, Discriminator, Field, Tag
from starlette.requests import Request

from biLM.questions.vectors import Vectors

from ..body import JSON
from ..endpoint import Endpoint
from ..engine import Engine
from ..errors import invalid
from ..fields import ID_LISTS, IDS, MANY, NAME, ONE, SWITCH, Encoding, Listed, Strict, Truncate
from ..limits import as_field, check_number
from ..openapi import BODY_CODES, Json, JsonBody, refusals
from ..router import new_router
from ..settings import Settings
from ..wire import encoded, to_json, to_numbers
from .embed import Embedding, EmbedRequest, plan_embedding
from .models import unknown_model
from .texts import APPLES

OPENAI_INPUT: Json = {"summary": "Request a vector for each text", "value": {"input": APPLES}}
CODES = (*BODY_CODES, "model_not_found", "response_too_large", "nonfinite_output")
SHORTER = 'send fewer or shorter texts, or "truncate": "right" to have long ones cut'
# What other servers call the three ways to treat a text that is too long.
TRUNCATES: dict[bool | str, Truncate] = {
    "error": "error",
    "NONE": "error",
    False: "error",
    "right": "right",
    "END": "right",
    True: "right",
    "left": "left",
    "START": "left",
}
AS_LONG_AS_POSSIBLE = -1


def _kind_of_input(value: object) -> str:
    if isinstance(value, str):
        return ONE
    first = value[0] if isinstance(value, list) and value else None
    if isinstance(first, list):
        return ID_LISTS
    return IDS if isinstance(first, int) else MANY


# The discriminator chooses a member. A plain union would try every member and report all failures.
Input = Annotated[
    Annotated[str, Tag(ONE)]
    | Annotated[Listed[str], Tag(MANY), Field(min_length=1)]
    | Annotated[Listed[int], Tag(IDS), Field(min_length=1)]
    | Annotated[Listed[Listed[int]], Tag(ID_LISTS), Field(min_length=1)],
    Discriminator(_kind_of_input),
]
TruncateName = Literal["error", "right", "left", "NONE", "END", "START"]


def _kind_of_truncate(value: object) -> str:
    return NAME if isinstance(value, str) else SWITCH


class OpenAIRequest(Strict):
    """Texts to embed, in the form of OpenAI's API."""

    input: Input = Field(
        description="One text, a list of texts, the piece ids of one text, or a list of such"
        " lists. No text and no list may be empty. The ids are those of this model, as /tokenize"
        " returns them, and not those of OpenAI's vocabularies."
    )
    model: str | None = Field(None, description="The id of the model that is served.")
    encoding_format: Literal["float", "base64"] = Field(
        "float",
        description="How vectors are encoded: as lists, or as base64 of little-endian float32.",
    )
    dimensions: int | None = Field(
        None,
        description="The number of values in a vector. Only the width of the model is accepted.",
    )
    truncate: (
        Annotated[
            Annotated[TruncateName, Tag(NAME)] | Annotated[bool, Tag(SWITCH)],
            Discriminator(_kind_of_truncate),
        ]
        | None
    ) = Field(
        None,
        description="What to do with a text of too many pieces, as in /embed, in the words of this"
        " service or of others: error, NONE and false, the default, refuse it; right, END and true"
        " cut off its end; left and START cut off its beginning.",
    )
    truncate_prompt_tokens: int | None = Field(
        None,
        ge=AS_LONG_AS_POSSIBLE,
        description="As in vLLM: the number of pieces to which a longer text is cut, or -1 for as"
        " many as the service admits.",
    )
    truncation_side: Literal["right", "left"] = Field(
        "right", description="As in vLLM: the end that truncate_prompt_tokens cuts off."
    )
    user: str | None = Field(None, description="This field is ignored.")
    input_type: str | None = Field(
        None, description="This field is ignored: queries and documents are read alike."
    )
    add_special_tokens: bool | None = Field(
        None, description="This field is ignored: a text has no special pieces."
    )

    @property
    def texts(self) -> list[str] | None:
        """The texts, whether they came as one or as many; None if ids came."""
        if isinstance(self.input, str):
            return [self.input]
        return [one for one in self.input if isinstance(one, str)] or None

    @property
    def id_lists(self) -> list[list[int]] | None:
        """The ids of each text; None if texts came."""
        if isinstance(self.input, str) or isinstance(self.input[0], str):
            return None
        ids = [one for one in self.input if isinstance(one, int)]
        return [ids] if ids else [one for one in self.input if isinstance(one, list)]


class OpenAIEmbedding(BaseModel):
    """A text and its vector."""

    object: Literal["embedding"]
    index: int = Field(description="The position of the text in the request, counted from 0.")
    embedding: list[float] | str = Field(description="The vector, as encoding_format says.")


class OpenAIUsage(BaseModel):
    """The number of pieces that were read."""

    prompt_tokens: int = Field(description="The number of pieces.")
    total_tokens: int = Field(description="The same number.")


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
        raise unknown_model(engine, "model")
    if request.dimensions not in (None, model.dim):
        raise invalid(
            "dimensions", f"a vector has {model.dim} numbers; send {model.dim}, or leave it out"
        )
    texts, ids = request.texts, request.id_lists
    inputs: Sequence[Sequence[object]] = texts or ids or ()
    check_number("too_many_texts", len(inputs), "inputs", settings.max_inputs, "max_inputs")
    for index, one in enumerate(inputs):
        if not one:
            raise invalid("input", f"text {index} is empty and has no vector; leave it out", index)
    truncate, max_pieces = _truncation(request, settings)
    encoding: Encoding = "base64" if request.encoding_format == "base64" else "json"
    as_embed = EmbedRequest(
        texts=texts,
        ids=ids,
        level="text",
        center=True,
        normalize=True,
        truncate=truncate,
        encoding=encoding,
    )
    own = {"max_texts": settings.max_inputs, "max_text_pieces": max_pieces}
    with as_field("input", SHORTER):
        plan = plan_embedding(as_embed, engine, settings.model_copy(update=own))
    for index, passage in enumerate(plan.reading.passages):
        if not passage.ids:
            found = "nothing that the model can read; leave it out"
            if passage.truncated:
                found = (
                    f"no character of at most {max_pieces} pieces where the rest is cut off; send a"
                    " larger truncate_prompt_tokens"
                )
            raise invalid("input", f"text {index} has {found}", index)
    return plan


def _truncation(request: OpenAIRequest, settings: Settings) -> tuple[Truncate, int]:
    """Return what to cut off a text, and the most pieces that are left."""
    length, limit = request.truncate_prompt_tokens, settings.max_text_pieces
    truncate = None if request.truncate is None else TRUNCATES[request.truncate]
    if length is None:
        return truncate or "error", limit
    if length == 0:
        raise invalid(
            "truncate_prompt_tokens", "it is 0, which leaves nothing; send at least 1, or -1"
        )
    if truncate == "error":
        raise invalid(
            "truncate_prompt_tokens",
            "it cuts texts, but truncate says to refuse them; send one of the two",
        )
    if length > limit:  # texts up to that length must stay whole, and some exceed the limit
        return truncate or "error", limit
    return truncate or request.truncation_side, limit if length < 0 else length


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
