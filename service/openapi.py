"""Add to the OpenAPI document what the routes do not say: request bodies, refusals and codes."""

from typing import Any, Literal

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from .errors import STATUS_OF

REF_TEMPLATE = "#/components/schemas/{model}"
Json = dict[str, Any]  # the type that FastAPI itself gives to parts of the document

# The refusals of every path that takes a text, and of every path that takes a list of them. A path
# adds its own.
TEXT_CODES = (
    "invalid_api_key",
    "invalid_json",
    "invalid_unicode",
    "not_acceptable",
    "request_timeout",
    "body_too_large",
    "unsupported_media_type",
    "validation_error",
    "text_too_long",
    "overloaded",
    "internal",
    "starting",
    "draining",
    "worker_dead",
    "deadline_exceeded",
)
BODY_CODES = (*TEXT_CODES, "too_many_texts", "too_many_pieces")

SECURITY_SCHEMES: Json = {  # a key is needed only if the operator has set keys
    "bearer": {"type": "http", "scheme": "bearer"},
    "x_api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


class ErrorDetails(BaseModel):
    """The numbers behind a refusal. A field is null if it does not apply."""

    index: int | None = Field(description="The number of the refused text, counted from 0.")
    place: str | None = Field(
        description="The place inside the field, such as `mix.weights.2`; null for the whole field."
    )
    limit: float | None = Field(description="The largest value that is allowed.")
    actual: float | None = Field(description="The value that was found.")
    setting: str | None = Field(description="The name of the setting that sets the limit.")


class ErrorFacts(BaseModel):
    """Why the request was refused or failed."""

    code: str = Field(description="A stable word for the cause, which also decides the status.")
    message: str = Field(description="What was found, what is allowed and what to do.")
    type: Literal["invalid_request_error", "overloaded_error", "server_error"] = Field(
        description="Who must act: the caller now, the caller later, or the operator."
    )
    param: str | None = Field(description="The request field that caused the error.")
    request_id: str = Field(description="The same as in the header `X-Request-Id`.")
    details: ErrorDetails


class ErrorAnswer(BaseModel):
    """The one body of every refusal."""

    error: ErrorFacts


class JsonBody(dict[str, Any]):  # Any: as in Json
    """The description of a request body that the route parses itself.

    Args:
        model: The pydantic model of the body, whose schema `Api` adds to the document.
        examples: Examples of the body, by name.
    """

    def __init__(self, model: type[BaseModel], examples: Json) -> None:
        schema = {"$ref": REF_TEMPLATE.format(model=model.__name__)}
        content = {"application/json": {"schema": schema, "examples": examples}}
        super().__init__(requestBody={"required": True, "content": content})
        self.model = model


class Api(FastAPI):
    """A FastAPI app that documents request bodies, which the routes parse themselves."""

    def openapi(self) -> Json:
        """Return the OpenAPI document, which is made once."""
        if self.openapi_schema:
            return self.openapi_schema
        document = super().openapi()
        extras = [route.openapi_extra for route in self.routes if isinstance(route, APIRoute)]
        models = [extra.model for extra in extras if isinstance(extra, JsonBody)]
        _, schemas = models_json_schema(
            [(model, "validation") for model in models], ref_template=REF_TEMPLATE
        )
        document["components"]["schemas"] |= schemas["$defs"]
        document["components"]["securitySchemes"] = SECURITY_SCHEMES
        document["servers"] = [{"url": "."}]  # relative to the document, under whatever prefix
        document["security"] = [{}, *({name: []} for name in SECURITY_SCHEMES)]
        return document


def refusals(*codes: str) -> dict[int | str, Json]:
    """Return the descriptions of a route's refusals, by status."""
    statuses = sorted({STATUS_OF[code] for code in codes})
    return {status: _refusal(status, codes) for status in statuses}


def _refusal(status: int, codes: tuple[str, ...]) -> Json:
    words = ", ".join(f"`{code}`" for code in codes if STATUS_OF[code] == status)
    described: Json = {"model": ErrorAnswer, "description": words}
    if status in (STATUS_OF["overloaded"], STATUS_OF["starting"]):
        seconds = {"schema": {"type": "integer"}, "description": "The seconds to wait."}
        described["headers"] = {"Retry-After": seconds}
    return described


def description() -> str:
    """Return the introduction at the top of /docs."""
    rows = "\n".join(f"| {status} | `{code}` |" for code, status in STATUS_OF.items())
    return (
        "Contextual word vectors of a bidirectional LSTM language model: the same word gets"
        " different vectors in different contexts.\n\nEvery refusal, on every path, has the body"
        f" `ErrorAnswer` with one of these codes:\n\n| status | code |\n|---|---|\n{rows}\n"
    )
