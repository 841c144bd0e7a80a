"""How a POST is answered: admitted, read, planned, asked of the model, written.

Every path that reads texts goes this way; a path differs in what it plans, asks and writes.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic, perf_counter
from typing import Generic, ParamSpec, Protocol, TypeVar

from fastapi.responses import Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect, Request

from service.body import check_content, choose_media_type, declared_bytes, parse, read_body
from service.engine import AnyQuestion, Engine
from service.errors import RequestError
from service.held import SMALL_BYTES
from service.job import Job
from service.lines import Lines, until_disconnect
from service.runtime import Runtime
from service.sending import Slices
from service.settings import Settings
from service.wire import NDJSON

SMALL_BODY_BYTES = 2 * 1024  # read on the event loop: quicker than changing threads

P = ParamSpec("P")
T = TypeVar("T")


class Plan(Protocol):
    """What there is to do for a request."""

    @property
    def pieces(self) -> int:
        """Pieces the model reads."""
        ...

    @property
    def answer_bytes(self) -> int:
        """About what the answer takes."""
        ...


Asked = TypeVar("Asked", bound=BaseModel)
Planned = TypeVar("Planned", bound=Plan)
Found = TypeVar("Found")


@dataclass(frozen=True)
class Streamed(Generic[Planned, Found]):
    """An answer line by line.

    Args:
        line: The line of one answer, given its number.
        summary: The last line.
    """

    line: Callable[[Planned, int, Found], bytes]
    summary: Callable[[Planned, Engine], bytes]


@dataclass(frozen=True)
class Exchange(Generic[Asked, Planned, Found]):
    """A path.

    Args:
        request: What callers send.
        plan: Reads it, or refuses it; on a thread of its own unless it is small.
        ask: The questions of a plan; none where the model is not needed.
        write: Their answers as the body of the answer, by media type; the first one is usual.
        lines: How answers leave line by line; None where they do not.
    """

    request: type[Asked]
    plan: Callable[[Asked, Engine, Settings], Planned]
    ask: Callable[[Planned, Engine], Sequence[AnyQuestion[Found]]]
    write: Mapping[str, Callable[[Planned, Sequence[Found], Engine], bytes]]
    lines: Streamed[Planned, Found] | None = None

    async def serve(self, request: Request) -> Response:
        """Answer a request of this path.

        Raises:
            RequestError: whatever kept it from an answer.
        """
        runtime = runtime_of(request)
        spent: dict[str, float] = {}
        with ExitStack() as admission, ExitStack() as outgoing:
            engine = admission.enter_context(runtime.admitted())
            async with _deadline(runtime.settings) as deadline:
                check_content(request.headers)
                media_type = choose_media_type(request.headers, self._media_types)
                plan = await self._read(request, runtime, engine, spent)
                outgoing.enter_context(runtime.held.room_for(plan.answer_bytes))
                questions = self.ask(plan, engine)
                job = runtime.batcher.submit(questions, deadline) if questions else None
                request.state.trace.pieces = plan.pieces
                is_small = plan.answer_bytes <= SMALL_BYTES  # written here, in half a millisecond
                writer = None if is_small else runtime.encoding
                if job and (streamed := self.lines) and media_type == NDJSON:
                    line = partial(streamed.line, plan)
                    return Lines(
                        job,
                        lambda *found: _on(writer, line, *found),
                        streamed.summary(plan, engine),
                        _late(runtime.settings),
                        admission.pop_all(),
                        outgoing.pop_all(),
                        runtime.settings.deadline_s,
                        _timing(spent),
                    )
                found = await _answers(job, request, spent) if job else []
                with _timed(spent, "encode"):
                    answer = await _on(writer, self.write[media_type], plan, found, engine)
            if is_small:
                return Response(answer, 200, _timing(spent), media_type)
            patience_s = runtime.settings.deadline_s
            return Slices(answer, _timing(spent), media_type, outgoing.pop_all(), patience_s)

    async def _read(
        self, request: Request, runtime: Runtime, engine: Engine, spent: dict[str, float]
    ) -> Planned:
        settings = runtime.settings
        with runtime.held.room_for(declared_bytes(request.headers, settings.max_body_bytes)):
            body = await read_body(request, settings.max_body_bytes)
            with _timed(spent, "tokenize"):
                reader = None if len(body) <= SMALL_BODY_BYTES else runtime.tokenizing
                return await _on(reader, self._planned, body, engine, settings)

    @property
    def _media_types(self) -> list[str]:
        return [*self.write, NDJSON] if self.lines else list(self.write)

    def _planned(self, body: bytes, engine: Engine, settings: Settings) -> Planned:
        return self.plan(parse(self.request, body), engine, settings)


def runtime_of(request: Request) -> Runtime:
    """What the requests of this process share."""
    runtime = request.app.state.runtime
    assert isinstance(runtime, Runtime), "a request before the lifespan; this is a bug"
    return runtime


@asynccontextmanager
async def _deadline(settings: Settings) -> AsyncIterator[float]:
    try:
        async with asyncio.timeout(settings.deadline_s):
            yield monotonic() + settings.deadline_s
    except TimeoutError as error:
        raise _late(settings) from error


def _late(settings: Settings) -> RequestError:
    return RequestError(
        "deadline_exceeded",
        f"no answer within deadline_s = {settings.deadline_s} s; send fewer texts, or ask"
        " again when there is less to do",
    )


async def _answers(job: Job[T], request: Request, spent: dict[str, float]) -> list[T]:
    """The answers. Whoever stops waiting, the client or the deadline, drops the job."""
    gone = asyncio.create_task(until_disconnect(request.receive))
    gone.add_done_callback(lambda _: job.done.cancel())  # nothing, where it is complete
    try:
        await job.done
    except asyncio.CancelledError:
        if gone.done():
            raise ClientDisconnect from None
        raise
    finally:
        gone.cancel()
    spent["queue"] = job.started_at - job.submitted_at
    spent["infer"] = job.finished_at - job.started_at
    return job.take_all()


def _timing(spent: Mapping[str, float]) -> dict[str, str]:
    durations = (f"{name};dur={seconds * 1000:.3f}" for name, seconds in spent.items())
    return {"Server-Timing": ", ".join(durations)}


async def _on(
    thread: Executor | None, function: Callable[P, T], *arguments: P.args, **named: P.kwargs
) -> T:
    """What the function returns, called on a thread, or here where it is quicker than a change."""
    if thread is None:
        return function(*arguments, **named)
    return await asyncio.wrap_future(thread.submit(function, *arguments, **named))


@contextmanager
def _timed(spent: dict[str, float], name: str) -> Iterator[None]:
    begin = perf_counter()
    yield
    spent[name] = perf_counter() - begin
