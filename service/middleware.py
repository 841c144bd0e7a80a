"""Give every request an id, a log line, a metric and a response, even if the service fails.

This is pure ASGI, because Starlette's middleware base class hides a client's disconnect.
"""

import logging
import re
import uuid
from dataclasses import dataclass, field
from time import perf_counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import RequestError
from .handover import is_delivered, refusal_of
from .log import fields
from .metrics import OTHER_PATH, Metrics
from .probes import PROBES
from .wire import to_json

USABLE_ID = re.compile(r"[\x21-\x7e]{1,128}")
# This is the status of nginx for a client that has gone. Only the log and the metrics show it.
CLIENT_GONE = 499
# The log shows this many characters of a path, which a caller can make as long as all headers.
SHOWN_PATH_LENGTH = 200
# Requests that arrive every few seconds from machines; at level info they would hide the others.
ROUTINE_PATHS = PROBES | {"/metrics"}

logger = logging.getLogger(__name__)


@dataclass
class Trace:
    """What the log records about a request.

    Args:
        request_id: The caller's X-Request-Id if it is usable, otherwise a new one.
        status: Status of the response, or of the error that ended it; 0 until the response begins.
        pieces: Number of pieces that the model read.
        spent: Seconds of each stage that is over, by its name in Server-Timing.
        refused: The refusal that ended the request, if one did.
        key: The name of the API key that was sent; None if none was needed.
    """

    request_id: str
    status: int = 0
    pieces: int = 0
    spent: dict[str, float] = field(default_factory=dict)
    refused: RequestError | None = None
    key: str | None = None


class Traced:
    """An ASGI app that gives every request an id, a log line, a metric and a response.

    Args:
        app: The app that serves the requests.
        metrics: The metrics in which each request is recorded.
        paths: The paths of the API. The metrics put all other paths under one label.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: frozenset[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event as ASGI defines it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trace = Trace(_request_id(scope))
        scope.setdefault("state", {})["trace"] = trace

        async def send_traced(message: Message) -> None:
            if message["type"] == "http.response.start":
                trace.status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = trace.request_id
            await send(message)

        begin = perf_counter()
        try:
            await self._answer(scope, receive, send_traced, trace)
        finally:
            seconds = perf_counter() - begin
            _log(scope, trace, seconds)
            path = scope["path"] if scope["path"] in self._paths else OTHER_PATH
            self._metrics.request_ended(path, trace.status, seconds, trace.pieces)
            self._metrics.stages_ended(trace.spent)
            if trace.key:
                self._metrics.key_used(trace.key, trace.pieces)
            if trace.refused:
                self._metrics.request_refused(trace.refused.code, trace.refused.details.setting)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, trace: Trace) -> None:
        try:
            if found := refusal_of(scope):
                await refusal(found, trace)(scope, receive, send)
            else:
                await self._app(scope, receive, send)
            if not await is_delivered(scope):
                trace.status = CLIENT_GONE
        except ClientDisconnect:
            trace.status = CLIENT_GONE
        except Exception:  # the outermost edge: a bug is logged and never shown
            logger.exception("a request failed", extra=fields(request_id=trace.request_id))
            error = RequestError("internal", "the service failed; quote the request_id")
            if not trace.status:
                await refusal(error, trace)(scope, receive, send)
            trace.status = error.status  # also if the response had begun and is now cut off


def refusal(error: RequestError, trace: Trace, headers: dict[str, str] | None = None) -> Response:
    """Return the response that reports a refusal, and record the refusal in the trace."""
    trace.refused = error
    headers = dict(headers or {})
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    if error.code == "request_timeout":
        headers["Connection"] = "close"
    return Response(
        to_json(error.body(trace.request_id)), error.status, headers, "application/json"
    )


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if USABLE_ID.fullmatch(given) else uuid.uuid4().hex


def _log(scope: Scope, trace: Trace, seconds: float) -> None:
    more = {"key": trace.key, "client": scope["client"][0] if scope.get("client") else None}
    if trace.refused:
        more |= {"code": trace.refused.code, "setting": trace.refused.details.setting}
    is_routine = scope["path"] in ROUTINE_PATHS and trace.status < 400
    logger.log(
        logging.DEBUG if is_routine else logging.INFO,
        "request",
        extra=fields(
            method=scope["method"],
            path=_shown(scope["path"]),
            status=trace.status,
            duration_ms=round(seconds * 1000, 3),
            pieces=trace.pieces,
            request_id=trace.request_id,
            **{name: value for name, value in more.items() if value},
        ),
    )


def _shown(path: str) -> str:
    """Return what the log shows of a path: no user name and no password of an address in it.

    Such a path comes from a client whose proxy or base address is wrong. An unescaped password may
    have any character, so everything before the last `@` is hidden.
    """
    end = path.rfind("@")
    begins = [at + len(mark) for mark in ("//", ":") if 0 <= (at := path.find(mark)) < end]
    if begins:
        path = f"{path[: min(begins)]}***{path[end:]}"
    return path[:SHOWN_PATH_LENGTH]
