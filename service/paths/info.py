"""GET /info, the probes and /metrics: what the process reports about itself."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel, Field
from starlette.requests import Request

from biLM.version import own_version

from ..body import JSON
from ..compression import GZIPPED, compressed, takes_gzip
from ..endpoint import runtime_of
from ..fields import ModelInfo
from ..metrics import MEDIA_TYPE
from ..openapi import refusals
from ..router import new_router
from ..wire import to_json
from .mixes import MixUsed, mix_used

LIBRARIES = ("torch", "numpy", "sentencepiece", "fastapi")


class Features(BaseModel):
    """What the service offers beyond the layers."""

    fill: bool = Field(description="Whether POST /fill is available.")
    context: bool = Field(description='Whether /embed has the layer "context".')
    complete: bool = Field(description="Whether POST /complete is available.")
    inspect: bool = Field(
        description="Whether POST /inspect is available. The setting `inspect` decides it."
    )


class InfoAnswer(BaseModel):
    """What callers may need to know before their first request."""

    model: ModelInfo
    mixes: dict[str, MixUsed] = Field(description="The mixes that a request may name.")
    features: Features
    limits: dict[str, object] = Field(description="The settings of this process, by name.")
    pieces_per_s: float = Field(
        description="The padded pieces per second that the model has lately read in full batches."
    )
    precision: Literal["float32", "bfloat16"] = Field(
        description="The precision in which the model multiplies. The vectors are float32 in both."
    )
    self_test_deviation: float = Field(
        description="The largest deviation from the golden vectors, which were computed in float32."
    )
    bit_identical_heights: list[int] = Field(
        description="The numbers of rows that a call of the model may read. Shapes with this many"
        " rows have been compared on this machine; shapes that gave a text other bits are not used."
    )
    proof_ended: bool = Field(
        description="Whether all shapes have been compared. Until then, texts are read in the"
        " shapes that have been compared, which is slower and gives the same bits."
    )
    versions: dict[str, str] = Field(description="The versions of biLM and of the libraries.")
    card: dict[str, object] = Field(
        description="The data, recipe, hardware and scores of the model."
    )
    similar_words: dict[str, list[str]] = Field(
        description="Some frequent words, each with the words that the model expects in the most"
        " similar contexts."
    )


class Health(BaseModel):
    """The response of a successful probe."""

    status: Literal["alive", "ready"]


router = new_router()


@router.get(
    "/info", responses={200: {"model": InfoAnswer}, **refusals("invalid_api_key", "starting")}
)
async def info(request: Request) -> Response:
    """Return the model, mixes, card, settings, versions and measured speed."""
    runtime = runtime_of(request)
    engine = runtime.loaded_engine()
    facts = {
        "model": engine.model.model_dump(),
        "mixes": {name: mix_used(mix, name) for name, mix in engine.mixes.items()},
        "features": {
            "fill": True,
            "context": True,
            "complete": True,
            "inspect": runtime.settings.inspect,
        },
        "limits": runtime.settings.model_dump(mode="json"),
        "pieces_per_s": round(engine.pieces_per_s),
        "self_test_deviation": engine.self_test_deviation,
        "precision": engine.encoder.precision,
        "bit_identical_heights": engine.encoder.heights,
        "proof_ended": engine.proof is None,
        "versions": versions(),
        "card": engine.card,
        "similar_words": engine.similar_words,
    }
    if takes_gzip(request.headers):  # the card of a model is long
        return Response(compressed(to_json(facts)), 200, GZIPPED, JSON)
    return _json(facts)


@router.get("/livez", responses={200: {"model": Health}, **refusals("worker_dead")})
async def livez(request: Request) -> Response:
    """Return 200 if the process works. Otherwise, restart it."""
    runtime_of(request).check_alive()
    return _json({"status": "alive"})


@router.get(
    "/readyz",
    responses={200: {"model": Health}, **refusals("starting", "draining", "worker_dead")},
)
async def readyz(request: Request) -> Response:
    """Return 200 if the process accepts requests. Otherwise, send requests elsewhere."""
    runtime_of(request).ready_engine()
    return _json({"status": "ready"})


@router.get(
    "/health",
    responses={200: {"model": Health}, **refusals("starting", "draining", "worker_dead")},
)
async def health(request: Request) -> Response:
    """Return what /readyz returns, under the name that other inference servers use."""
    return await readyz(request)


@router.get("/metrics", response_class=PlainTextResponse, responses=refusals("invalid_api_key"))
async def metrics(request: Request) -> Response:
    """Return counts, times and sizes in the format of Prometheus."""
    return Response(runtime_of(request).metrics.exposition(), media_type=MEDIA_TYPE)


@cache
def versions() -> dict[str, str]:
    """Return the version of each package, by its name in /info."""
    return {"bilm": own_version(), **{name: _version(name) for name in LIBRARIES}}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # it was put there without its metadata
        return "unknown"


def _json(answer: dict[str, object]) -> Response:
    return Response(to_json(answer), media_type=JSON)
