"""The OpenAPI document beyond the routes: request schemas, examples and the table of refusals."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service.answer_schemas import ErrorAnswer
from service.errors import STATUS_OF
from service.wire import NDJSON, SAFETENSORS

REF_TEMPLATE = "#/components/schemas/{model}"
Json = dict[str, Any]  # the type that FastAPI itself gives to parts of the document

APPLES = ["我吃了一个苹果", "我在用苹果手机"]
TWO_TEXTS: Json = {"summary": "A row for every piece", "value": {"texts": APPLES}}
EXAMPLES: Json = {
    "pieces": TWO_TEXTS,
    "spans": {
        "summary": "The two 苹果, last layer, centred, as JSON numbers",
        "value": {
            "texts": APPLES,
            "level": "span",
            "spans": [[[5, 7]], [[3, 5]]],
            "mix": {"weights": [0.0, 0.0, 1.0], "gamma": 1.0},
            "center": True,
            "encoding": "json",
        },
    },
    "words": {"summary": "One vector per word", "value": {"words": [["我", "吃了", "苹果"]]}},
}

APPLE: Json = {
    "summary": "The 苹果 of two texts",
    "value": {"word": "苹果", "texts": APPLES},
}
OTHER_BODIES: Json = {
    SAFETENSORS: {
        "schema": {
            "type": "string",
            "format": "binary",
            "description": "`embedding` [total_rows, dim] or [layers, total_rows, dim] with layers,"
            " `row_splits` int64 [texts + 1], `offsets` int32 [total_rows, 2] (not with ids), `ids`"
            " int32 (level piece only); the rest of the JSON answer, field by field as JSON, in"
            " `__metadata__`.",
        }
    },
    NDJSON: {
        "schema": {
            "type": "string",
            "description": "A line for each text as it finishes: an entry of `data`. The last line"
            " is the answer without `data`, or an `ErrorAnswer` if it failed after the first.",
        }
    },
}
OPENAI_INPUT: Json = {"summary": "A vector a text", "value": {"input": APPLES}}
FAR_APART: Json = {
    "summary": "What the cells keep from 法国 to the end",
    "value": {"text": "我小时候在法国住过很多年，所以我会说法语", "layer": 2},
}
BLANK: Json = {"summary": "What may stand in the blank", "value": {"text": "我爱____"}}
BLANK_OF_TWO: Json = {
    "summary": "Phrases of two pieces",
    "value": {"text": "我昨天在____吃了一个苹果。", "num_pieces": 2},
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

TEXT_CODES = (
    "invalid_api_key",
    "invalid_json",
    "invalid_unicode",
    "not_acceptable",
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
OPENAI_CODES = (*BODY_CODES, "response_too_large", "nonfinite_output")
INSPECT_CODES = (
    *TEXT_CODES,
    "not_found",
    "response_too_large",
    "unknown_layer",
    "nonfinite_output",
)
SIMILARITY_CODES = (*BODY_CODES, "response_too_large", "unknown_mix")
EMBED_CODES = (
    *SIMILARITY_CODES,
    "bad_span",
    "unknown_layer",
    "nonfinite_output",
)


SECURITY_SCHEMES: Json = {  # a key is needed only if the operator has set keys
    "bearer": {"type": "http", "scheme": "bearer"},
    "x_api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


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
        """Return the OpenAPI document."""
        document = super().openapi()
        extras = [route.openapi_extra for route in self.routes if isinstance(route, APIRoute)]
        models = [extra.model for extra in extras if isinstance(extra, JsonBody)]
        _, schemas = models_json_schema(
            [(model, "validation") for model in models], ref_template=REF_TEMPLATE
        )
        document["components"]["schemas"] |= schemas["$defs"]
        document["components"]["securitySchemes"] = SECURITY_SCHEMES
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
        seconds = {"schema": {"type": "integer"}, "description": "Seconds to wait."}
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
