"""The paths of the service."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor
from contextlib import asynccontextmanager, contextmanager
from time import monotonic, perf_counter
from typing import ParamSpec, TypeVar

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response
from starlette.requests import ClientDisconnect, Request

from biLM.question import GuessesFor
from service.answers import embed_answer, fill_answer, mix_used, tokenize_answer
from service.batcher import Job
from service.body import check_headers, parse, read_body
from service.engine import Engine, Vectors
from service.errors import RequestError
from service.openapi import (
    BLANK,
    BODY_CODES,
    EMBED_CODES,
    EXAMPLES,
    TEXT_CODES,
    TWO_TEXTS,
    json_body,
    refusals,
)
from service.plan import Plan, plan_embedding, plan_filling, plan_tokenizing
from service.reading import Reading
from service.runtime import Runtime
from service.schemas import (
    EmbedAnswer,
    EmbedRequest,
    FillAnswer,
    FillRequest,
    Health,
    InfoAnswer,
    TokenizeAnswer,
    TokenizeRequest,
)
from service.settings import Settings
from service.versions import versions
from service.wire import to_json

SMALL_ANSWER_BYTES = 64 * 1024  # written on the event loop: about as fast as changing threads

P = ParamSpec("P")
T = TypeVar("T")

router = APIRouter()


@router.post(
    "/embed",
    openapi_extra=json_body(EmbedRequest, EXAMPLES),
    responses={200: {"model": EmbedAnswer}, **refusals(*EMBED_CODES)},
)
async def embed(request: Request) -> Response:
    """Vectors of texts: one per piece, code point, word, span or text."""
    runtime = _runtime(request)
    spent: dict[str, float] = {}
    with runtime.admitted() as engine:
        async with _deadline(runtime.settings) as deadline:
            body = await _body(request, runtime.settings)
            with _timed(spent, "tokenize"):
                asked, plan = await _on(runtime.tokenizing, _plan, body, engine, runtime.settings)
            request.state.trace.pieces = plan.reading.pieces
            questions = engine.ask_vectors(plan.reading.passages, plan.readout)
            vectors = await _answers(runtime.batcher.submit(questions, deadline), request, spent)
            with _timed(spent, "encode"):
                answer = await _written(runtime, asked, plan, vectors, engine)
    return _json(answer, spent)


@router.post(
    "/fill",
    openapi_extra=json_body(FillRequest, {"text": BLANK}),
    responses={200: {"model": FillAnswer}, **refusals(*TEXT_CODES)},
)
async def fill(request: Request) -> Response:
    """The most probable pieces for the blank of a text, from the left, the right and both sides."""
    runtime = _runtime(request)
    spent: dict[str, float] = {}
    with runtime.admitted() as engine:
        async with _deadline(runtime.settings) as deadline:
            body = await _body(request, runtime.settings)
            with _timed(spent, "tokenize"):
                asked, question = await _on(
                    runtime.tokenizing, _find_blank, body, engine, runtime.settings
                )
            request.state.trace.pieces = len(question.ids)
            job = runtime.batcher.submit([question], deadline)
            (guesses,) = await _answers(job, request, spent)
            with _timed(spent, "encode"):
                answer = fill_answer(asked, question, guesses, engine)
    return _json(answer, spent)


@router.post(
    "/tokenize",
    openapi_extra=json_body(TokenizeRequest, {"texts": TWO_TEXTS}),
    responses={200: {"model": TokenizeAnswer}, **refusals(*BODY_CODES)},
)
async def tokenize(request: Request) -> Response:
    """Pieces, ids and offsets of texts: those /embed reads."""
    runtime = _runtime(request)
    spent: dict[str, float] = {}
    with runtime.admitted() as engine:
        async with _deadline(runtime.settings):
            body = await _body(request, runtime.settings)
            with _timed(spent, "tokenize"):
                reading = await _on(runtime.tokenizing, _cut, body, engine, runtime.settings)
            request.state.trace.pieces = reading.pieces
            with _timed(spent, "encode"):
                answer = await _on(runtime.encoding, tokenize_answer, reading, engine)
    return _json(answer, spent)


@router.get("/info", responses={200: {"model": InfoAnswer}, **refusals("starting")})
async def info(request: Request) -> Response:
    """The model, its mixes and its card; every setting; versions; the measured speed."""
    runtime = _runtime(request)
    engine = runtime.loaded_engine()
    facts = {
        "model": engine.model.model_dump(),
        "mixes": {name: mix_used(mix, name) for name, mix in engine.mixes.items()},
        "features": {"fill": True, "context": True},
        "limits": runtime.settings.model_dump(mode="json"),
        "pieces_per_s": round(engine.pieces_per_s),
        "self_test_deviation": engine.self_test_deviation,
        "versions": versions(),
        "card": engine.card,
    }
    return _json(to_json(facts))


@router.get("/livez", responses={200: {"model": Health}, **refusals("worker_dead")})
async def livez(request: Request) -> Response:
    """Whether the process does its work; if not, restart it."""
    _runtime(request).check_alive()
    return _json(to_json({"status": "alive"}))


@router.get(
    "/readyz",
    responses={200: {"model": Health}, **refusals("starting", "draining", "worker_dead")},
)
async def readyz(request: Request) -> Response:
    """Whether the process takes requests; if not, send them elsewhere."""
    _runtime(request).ready_engine()
    return _json(to_json({"status": "ready"}))


@router.get("/", include_in_schema=False)
async def root() -> Response:
    """The way to the documentation."""
    return RedirectResponse("/docs")


def _runtime(request: Request) -> Runtime:
    runtime = request.app.state.runtime
    assert isinstance(runtime, Runtime), "a request before the lifespan; this is a bug"
    return runtime


@asynccontextmanager
async def _deadline(settings: Settings) -> AsyncIterator[float]:
    try:
        async with asyncio.timeout(settings.deadline_s):
            yield monotonic() + settings.deadline_s
    except TimeoutError as error:
        raise RequestError(
            "deadline_exceeded",
            f"no answer within deadline_s = {settings.deadline_s} s; send fewer texts, or ask"
            " again when there is less to do",
        ) from error


async def _body(request: Request, settings: Settings) -> bytes:
    check_headers(request.headers)
    return await read_body(request, settings.max_body_bytes)


def _plan(body: bytes, engine: Engine, settings: Settings) -> tuple[EmbedRequest, Plan]:
    asked = parse(EmbedRequest, body)
    return asked, plan_embedding(asked, engine, settings)


def _find_blank(body: bytes, engine: Engine, settings: Settings) -> tuple[FillRequest, GuessesFor]:
    asked = parse(FillRequest, body)
    return asked, plan_filling(asked, engine, settings)


def _cut(body: bytes, engine: Engine, settings: Settings) -> Reading:
    return plan_tokenizing(parse(TokenizeRequest, body), engine, settings)


async def _answers(job: Job[T], request: Request, spent: dict[str, float]) -> list[T]:
    """The answers. Whoever stops waiting, the client or the deadline, drops the job."""
    watch = asyncio.create_task(_fail_on_disconnect(job, request))
    try:
        answers = await job.done
    finally:
        watch.cancel()
    spent["queue"] = job.started_at - job.submitted_at
    spent["infer"] = job.finished_at - job.started_at
    return answers


async def _fail_on_disconnect(job: Job[T], request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    if not job.done.done():
        job.done.set_exception(ClientDisconnect())


async def _written(
    runtime: Runtime, asked: EmbedRequest, plan: Plan, vectors: list[Vectors], engine: Engine
) -> bytes:
    if sum(found.nbytes for found in vectors) <= SMALL_ANSWER_BYTES:
        return embed_answer(asked, plan, vectors, engine)
    return await _on(runtime.encoding, embed_answer, asked, plan, vectors, engine)


async def _on(
    thread: Executor, function: Callable[P, T], *arguments: P.args, **named: P.kwargs
) -> T:
    return await asyncio.wrap_future(thread.submit(function, *arguments, **named))


@contextmanager
def _timed(spent: dict[str, float], name: str) -> Iterator[None]:
    begin = perf_counter()
    yield
    spent[name] = perf_counter() - begin


def _json(body: bytes, spent: dict[str, float] | None = None) -> Response:
    headers = {}
    if spent:
        durations = (f"{name};dur={seconds * 1000:.3f}" for name, seconds in spent.items())
        headers["Server-Timing"] = ", ".join(durations)
    return Response(body, headers=headers, media_type="application/json")
