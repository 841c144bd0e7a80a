"""GET /info, the probes /livez and /readyz, and /metrics: what the process reports of itself."""

from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel, Field
from starlette.requests import Request

from ..body import JSON
from ..compression import GZIPPED, compressed, takes_gzip
from ..endpoint import runtime_of
from ..fields import ModelInfo
from ..metrics import MEDIA_TYPE
from ..openapi import refusals
from ..router import new_router
from ..wire import to_json
from .mixes import MixUsed, mix_used

# The name in /info, and the name of the installed distribution.
DISTRIBUTIONS = {"bilm": "bilm-vectors"} | {
    name: name for name in ("torch", "numpy", "sentencepiece", "fastapi")
}
NOT_INSTALLED = "checkout"


class Features(BaseModel):
    """What there is beyond the layers."""

    fill: bool = Field(description="POST /fill.")
    context: bool = Field(description='The layer "context" of /embed.')
    complete: bool = Field(description="POST /complete.")
    inspect: bool = Field(description="POST /inspect; the setting of that name.")


class InfoAnswer(BaseModel):
    """Everything a caller may want to know before the first request."""

    model: ModelInfo
    mixes: dict[str, MixUsed]
    features: Features
    limits: dict[str, object] = Field(description="Every setting of this process, by its name.")
    pieces_per_s: float = Field(
        description="Padded pieces a second, measured at start and again when the proof has ended."
    )
    precision: Literal["float32", "bfloat16"] = Field(
        description="Numbers the model multiplies in; vectors are float32 in either."
    )
    self_test_deviation: float = Field(
        description="Largest deviation from the golden vectors, which are float32's."
    )
    bit_identical_heights: list[int] = Field(
        description="How many rows one call of the model may read. Shapes of so many rows have been"
        " compared on this machine; those that gave a text other bits are not used."
    )
    proof_ended: bool = Field(
        description="Whether all shapes have been compared. Until then texts are read in those that"
        " have been: more slowly, with the same bits."
    )
    versions: dict[str, str]
    card: dict[str, object] = Field(description="Data, recipe, hardware and scores of the model.")


class Health(BaseModel):
    """A probe that succeeded."""

    status: Literal["alive", "ready"]


router = new_router()


@router.get(
    "/info", responses={200: {"model": InfoAnswer}, **refusals("invalid_api_key", "starting")}
)
async def info(request: Request) -> Response:
    """The model, its mixes and its card; every setting; versions; the measured speed."""
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
    }
    if takes_gzip(request.headers):  # the card of a model is long
        return Response(compressed(to_json(facts)), 200, GZIPPED, JSON)
    return _json(facts)


@router.get("/livez", responses={200: {"model": Health}, **refusals("worker_dead")})
async def livez(request: Request) -> Response:
    """Whether the process does its work; if not, restart it."""
    runtime_of(request).check_alive()
    return _json({"status": "alive"})


@router.get(
    "/readyz",
    responses={200: {"model": Health}, **refusals("starting", "draining", "worker_dead")},
)
async def readyz(request: Request) -> Response:
    """Whether the process takes requests; if not, send them elsewhere."""
    runtime_of(request).ready_engine()
    return _json({"status": "ready"})


@router.get("/metrics", response_class=PlainTextResponse, responses=refusals("invalid_api_key"))
async def metrics(request: Request) -> Response:
    """Counts, times and sizes, as Prometheus reads them."""
    return Response(runtime_of(request).metrics.exposition(), media_type=MEDIA_TYPE)


def versions() -> dict[str, str]:
    """Return the version of each package, by its name in /info."""
    return {name: _version(found) for name, found in DISTRIBUTIONS.items()}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # run from a checkout, with nothing installed
        return NOT_INSTALLED


def _json(answer: dict[str, object]) -> Response:
    return Response(to_json(answer), media_type=JSON)
