"""The HTTP paths of the service."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response
from fastapi.routing import APIRoute
from starlette.requests import Request

from service.answer_schemas import (
    CompleteAnswer,
    EmbedAnswer,
    FillAnswer,
    Health,
    InfoAnswer,
    InspectAnswer,
    OpenAIAnswer,
    SimilarityAnswer,
    TokenizeAnswer,
)
from service.answers import (
    complete_answer,
    embed_answer,
    embed_line,
    embed_summary,
    embed_tensors,
    fill_answer,
    inspect_answer,
    mix_used,
    openai_answer,
    similarity_answer,
    tokenize_answer,
)
from service.body import JSON
from service.compression import GZIPPED, compressed, takes_gzip
from service.continuing import plan_continuing
from service.endpoint import Endpoint, Streamed, runtime_of
from service.inspecting import plan_inspection, refuse_unless_inspecting
from service.metrics import MEDIA_TYPE
from service.openapi import (
    APPLE,
    BLANK,
    BLANK_OF_TWO,
    BODY_CODES,
    COMPLETIONS,
    EMBED_CODES,
    EXAMPLES,
    FAR_APART,
    INSPECT_CODES,
    OPENAI_CODES,
    OPENAI_INPUT,
    OTHER_BODIES,
    SIMILARITY_CODES,
    TEXT_CODES,
    TWO_TEXTS,
    JsonBody,
    refusals,
)
from service.plan import (
    plan_embedding,
    plan_filling,
    plan_openai,
    plan_similarity,
    plan_tokenizing,
)
from service.schemas import (
    CompleteRequest,
    EmbedRequest,
    FillRequest,
    InspectRequest,
    OpenAIRequest,
    SimilarityRequest,
    TokenizeRequest,
)
from service.versions import versions
from service.wire import SAFETENSORS, to_json

EMBED = Endpoint(
    EmbedRequest,
    plan_embedding,
    {JSON: embed_answer, SAFETENSORS: embed_tensors},
    Streamed(embed_line, embed_summary),
)
OPENAI = Endpoint(
    OpenAIRequest,
    plan_openai,
    {JSON: openai_answer},
)
SIMILARITY = Endpoint(
    SimilarityRequest,
    plan_similarity,
    {JSON: similarity_answer},
)
COMPLETE = Endpoint(CompleteRequest, plan_continuing, {JSON: complete_answer})
FILL = Endpoint(FillRequest, plan_filling, {JSON: fill_answer})
INSPECT = Endpoint(InspectRequest, plan_inspection, {JSON: inspect_answer})
TOKENIZE = Endpoint(TokenizeRequest, plan_tokenizing, {JSON: tokenize_answer})


class PlainRoute(APIRoute):
    """A route whose endpoint takes a request and returns a response, as in Starlette.

    FastAPI documents the route, but resolves no dependencies and parses no body before the call.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the endpoint itself."""
        return self.endpoint


router = APIRouter(route_class=PlainRoute, generate_unique_id_function=lambda route: route.name)


@router.post(
    "/embed",
    openapi_extra=JsonBody(EmbedRequest, EXAMPLES),
    responses={200: {"model": EmbedAnswer, "content": OTHER_BODIES}, **refusals(*EMBED_CODES)},
)
async def embed(request: Request) -> Response:
    """Vectors of texts: one per piece, code point, word, span or text."""
    return await EMBED.serve(request)


@router.post(
    "/v1/embeddings",
    openapi_extra=JsonBody(OpenAIRequest, {"input": OPENAI_INPUT}),
    responses={200: {"model": OpenAIAnswer}, **refusals(*OPENAI_CODES)},
)
async def openai_embeddings(request: Request) -> Response:
    """A vector a text for clients of OpenAI's API: default mix, centred, mean, unit length."""
    return await OPENAI.serve(request)


@router.post(
    "/similarity",
    openapi_extra=JsonBody(SimilarityRequest, {"apples": APPLE}),
    responses={200: {"model": SimilarityAnswer}, **refusals(*SIMILARITY_CODES)},
)
async def similarity(request: Request) -> Response:
    """How alike the occurrences of a word are: cosines by each layer, the context and a mix."""
    return await SIMILARITY.serve(request)


@router.post(
    "/fill",
    openapi_extra=JsonBody(FillRequest, {"text": BLANK, "phrases": BLANK_OF_TWO}),
    responses={200: {"model": FillAnswer}, **refusals(*TEXT_CODES)},
)
async def fill(request: Request) -> Response:
    """The most probable pieces for the blank of a text, from the left, the right and both sides."""
    return await FILL.serve(request)


@router.post(
    "/complete",
    openapi_extra=JsonBody(CompleteRequest, COMPLETIONS),
    responses={200: {"model": CompleteAnswer}, **refusals(*TEXT_CODES)},
)
async def complete(request: Request) -> Response:
    """How the forward model goes on with a text: greedily, by chance, or with a beam."""
    return await COMPLETE.serve(request)


@router.post(
    "/inspect",
    openapi_extra=JsonBody(InspectRequest, {"text": FAR_APART}),
    responses={200: {"model": InspectAnswer}, **refusals(*INSPECT_CODES)},
)
async def inspect(request: Request) -> Response:
    """Gates and cells of one layer, piece by piece; where the operator has set `inspect`."""
    refuse_unless_inspecting(runtime_of(request).settings)
    return await INSPECT.serve(request)


@router.post(
    "/tokenize",
    openapi_extra=JsonBody(TokenizeRequest, {"texts": TWO_TEXTS}),
    responses={200: {"model": TokenizeAnswer}, **refusals(*BODY_CODES)},
)
async def tokenize(request: Request) -> Response:
    """Pieces, ids and offsets of texts: those /embed reads."""
    return await TOKENIZE.serve(request)


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
        "precision": engine.precision,
        "bit_identical_heights": engine.heights,
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


def _json(answer: dict[str, object]) -> Response:
    return Response(to_json(answer), media_type=JSON)
