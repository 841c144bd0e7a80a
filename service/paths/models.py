"""GET /v1/models: which model is served, for clients of OpenAI's API."""

from typing import Literal

from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.requests import Request

from ..body import JSON
from ..endpoint import runtime_of
from ..engine import Engine
from ..errors import RequestError
from ..openapi import Json, refusals
from ..router import new_router
from ..wire import to_json

CODES = ("invalid_api_key", "starting")
MODEL_ID: Json = {
    "parameters": [
        {
            "name": "model_id",
            "in": "path",
            "required": True,
            "description": "The id of the model.",
            "schema": {"type": "string", "minLength": 1},
        }
    ]
}


class ServedModel(BaseModel):
    """The model that is served."""

    id: str = Field(description="The name of the model.")
    object: Literal["model"]
    created: int = Field(description="Always 0: an artifact has no date.")
    owned_by: str = Field(description="Always biLM.")


class ModelList(BaseModel):
    """A list of the one model that is served."""

    object: Literal["list"]
    data: list[ServedModel]


router = new_router()


@router.get("/v1/models", responses={200: {"model": ModelList}, **refusals(*CODES)})
async def models(request: Request) -> Response:
    """Return the one model that is served, in the form of OpenAI's API."""
    engine = runtime_of(request).loaded_engine()
    return _json({"object": "list", "data": [_served(engine)]})


@router.get(
    "/v1/models/{model_id:path}",
    openapi_extra=MODEL_ID,
    responses={200: {"model": ServedModel}, **refusals(*CODES, "model_not_found")},
)
async def model(request: Request) -> Response:
    """Return the model that is served, if it has this id."""
    engine = runtime_of(request).loaded_engine()
    if request.path_params["model_id"] != engine.model.id:
        raise unknown_model(engine, param=None)
    return _json(_served(engine))


def unknown_model(engine: Engine, param: str | None) -> RequestError:
    """Return the refusal of the name of another model."""
    return RequestError(
        "model_not_found",
        f"the request names another model; this service has the model {engine.model.id!r}",
        "send this name",
        param=param,
    )


def _served(engine: Engine) -> dict[str, object]:
    return {"id": engine.model.id, "object": "model", "created": 0, "owned_by": "biLM"}


def _json(answer: dict[str, object]) -> Response:
    return Response(to_json(answer), media_type=JSON)
