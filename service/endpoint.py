"""Serve a POST request: admit it, read it, plan it, run the model, write the response.

Every path that reads texts is served this way; each has its own plan and response.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic, perf_counter
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

from fastapi.responses import Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect, Request

from .body import check_content, choose_media_type, most_pieces, read_body
from .byte_budget import SMALL_BYTES, Share
from .engine import AnyQuestion, Engine, Scheduled
from .errors import invalid
from .job import Job
from .middleware import Trace
from .ndjson import Lines, until_disconnect
from .parsing import MAX_LISTS, SEE, parse
from .runtime import Runtime
from .settings import Settings
from .slices import Slices
from .stage import Stage
from .wire import NDJSON, SAFETENSORS

# Bodies of up to this many pieces are planned on the event loop: changing threads takes longer.
SMALL_BODY_PIECES = 2 * 1024
# JSON of up to this size is written on the event loop, which takes half a millisecond; base64 and
# safetensors of up to SMALL_BYTES, for they are written twenty times as fast.
SMALL_JSON_BYTES = 16 * 1024

P = ParamSpec("P")
T = TypeVar("T")


class Plan(Protocol):
    """The work that a request needs."""

    @property
    def questions(self) -> Sequence[AnyQuestion[Any]]:  # its path's `write` knows their answers
        """The questions for the model; none if the response needs no model."""
        ...

    @property
    def pieces(self) -> int:
        """Number of pieces that the model reads."""
        ...

    @property
    def answer_bytes(self) -> int:
        """Estimated size of the response."""
        ...


Asked = TypeVar("Asked", bound=BaseModel)
Planned = TypeVar("Planned", bound=Plan)


@dataclass(frozen=True)
class Streamed(Generic[Planned]):
    """How a response is written line by line.

    Args:
        line: Returns a line, given the plan, the number of the model's answer, and the answer.
        summary: Returns the last line, given the plan and the engine.
    """

    line: Callable[[Planned, int, Any], bytes]  # Any: the answer to a question of this plan
    summary: Callable[[Planned, Engine], bytes]


@dataclass(frozen=True)
class Endpoint(Generic[Asked, Planned]):
    """One path: what it reads, what it plans for the model, and how it writes the response.

    Args:
        request: The pydantic model of the request body.
        plan: Returns the plan of a request, or refuses it. It runs on the event loop if the body
            is small, and otherwise on another thread.
        write: For each media type, a function that returns the response body, given the answers
            of the model. The first media type is the default.
        lines: How the response is written line by line; None if the path does not offer it.
        is_base64: Whether the response to a plan has its numbers in base64, and not in JSON.
    """

    request: type[Asked]
    plan: Callable[[Asked, Engine, Settings], Planned]
    write: Mapping[str, Callable[[Planned, Sequence[Any], Engine], bytes]]  # Any: as in `Streamed`
    lines: Streamed[Planned] | None = None
    is_base64: Callable[[Planned], bool] = lambda plan: False

    async def serve(self, request: Request) -> Response:
        """Return the response to a request for this path.

        Raises:
            RequestError: the request is refused or fails, with the code that says why.
        """
        runtime = runtime_of(request)
        trace: Trace = request.state.trace
        spent = trace.spent
        runtime.serving_engine()  # before anything of the body is read
        check_content(request.headers)
        self._refuse_fields_in_address(request)
        media_type = choose_media_type(request.headers, self._media_types)
        budget = runtime.byte_budget
        with ExitStack() as admission, ExitStack() as reservation, Share(budget) as of_body:
            body = await read_body(request, runtime.settings, of_body.add)
            engine = admission.enter_context(runtime.admitted(trace.key))
            deadline = monotonic() + runtime.settings.deadline_s
            async with runtime.in_time(deadline):
                reading = self._read(body, runtime, engine, spent)
                plan, questions, kept = await _while_connected(request, reading)
                del body
                of_body.give_back()
                budget.check(plan.answer_bytes, kept, engine.num_threads)
                reservation.enter_context(budget.holding(plan.answer_bytes))
                admission.enter_context(budget.keeping(kept))
                job = runtime.batcher.submit(questions, deadline) if questions else None
                trace.pieces = plan.pieces
                is_fast = media_type == SAFETENSORS or self.is_base64(plan)
                is_quick = plan.answer_bytes <= (SMALL_BYTES if is_fast else SMALL_JSON_BYTES)
                writer = None if is_quick else runtime.encoding
                if job and (streamed := self.lines) and media_type == NDJSON:
                    line = partial(streamed.line, plan)
                    line_bytes = plan.answer_bytes // job.num_questions
                    return Lines(
                        job,
                        write=lambda *found: _on(writer, line_bytes, line, *found),
                        summary=streamed.summary(plan, engine),
                        in_time=runtime.in_time,
                        admission=admission.pop_all(),
                        reservation=reservation.pop_all(),
                        headers=_timing(spent),
                    )
                found = await _answers(job, request, spent) if job else []
                with _timed(spent, "encode"):
                    write = self.write[media_type]
                    answer = await _on(writer, plan.answer_bytes, write, plan, found, engine)
            if plan.answer_bytes <= SMALL_BYTES:
                return Response(answer, 200, _timing(spent), media_type)
            return Slices(answer, _timing(spent), media_type, reservation.pop_all())

    async def _read(
        self, body: bytes, runtime: Runtime, engine: Engine, spent: dict[str, float]
    ) -> tuple[Planned, list[Scheduled], list[int]]:
        with _timed(spent, "tokenize"):
            is_small = len(body) <= SMALL_BODY_PIECES and most_pieces(body) <= SMALL_BODY_PIECES
            reader = None if is_small else runtime.tokenizing
            return await _on(reader, len(body), self._planned, body, engine, runtime.settings)

    def _refuse_fields_in_address(self, request: Request) -> None:
        """Refuse a field in the query of the address, where it would have no effect.

        Other parameters are ignored, such as the `api-version` of some clients of OpenAI's API.
        """
        for name in request.query_params.keys() & self.request.model_fields.keys():
            raise invalid(name, "it stands in the address; send it in the JSON body")

    @property
    def _media_types(self) -> list[str]:
        return [*self.write, NDJSON] if self.lines else list(self.write)

    def _planned(
        self, body: bytes, engine: Engine, settings: Settings
    ) -> tuple[Planned, list[Scheduled], list[int]]:
        """Return the plan, its questions, and what the model keeps for those that are large."""
        see = SEE if settings.docs else ""
        request = parse(self.request, body, max_lists(settings), see)
        plan = self.plan(request, engine, settings)
        questions = list(map(engine.scheduled, plan.questions))
        kept = (engine.kept_bytes(one.question) for one in questions)
        return plan, questions, [num_bytes for num_bytes in kept if num_bytes > SMALL_BYTES]


def max_lists(settings: Settings) -> int:
    """Return how many lists a body may have; it has one for each text, and one for each span."""
    texts = max(settings.max_texts, settings.max_inputs)
    return max(MAX_LISTS, 2 * texts + 2 * settings.max_request_pieces)


def runtime_of(request: Request) -> Runtime:
    """Return the runtime that all requests of this process share."""
    runtime = request.app.state.runtime
    assert isinstance(runtime, Runtime), "a request before the lifespan; this is a bug"
    return runtime


async def _answers(job: Job[T], request: Request, spent: dict[str, float]) -> list[T]:
    """Return the answers of a job."""
    await _while_connected(request, job.done)
    spent["queue"] = job.started_at - job.submitted_at
    spent["infer"] = job.finished_at - job.started_at
    return job.take_all()


async def _while_connected(request: Request, work: Awaitable[T]) -> T:
    """Return the result of some work; cancel it if the client leaves or the deadline passes."""
    doing = asyncio.ensure_future(work)
    gone = asyncio.create_task(until_disconnect(request.receive))
    gone.add_done_callback(lambda _: doing.cancel())  # no effect once it is complete
    try:
        return await doing
    except asyncio.CancelledError:
        if gone.done():
            raise ClientDisconnect from None
        raise
    finally:
        gone.cancel()


def _timing(spent: Mapping[str, float]) -> dict[str, str]:
    durations = (f"{name};dur={seconds * 1000:.3f}" for name, seconds in spent.items())
    return {"Server-Timing": ", ".join(durations)}


async def _on(
    stage: Stage | None,
    num_bytes: int,
    function: Callable[P, T],
    *arguments: P.args,
    **named: P.kwargs,
) -> T:
    """Call the function on the thread of a stage, or here if that is None; return its result."""
    if stage is None:
        return function(*arguments, **named)
    return await stage.run(num_bytes, function, *arguments, **named)


@contextmanager
def _timed(spent: dict[str, float], name: str) -> Iterator[None]:
    begin = perf_counter()
    yield
    spent[name] = perf_counter() - begin
