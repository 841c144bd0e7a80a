"""Send a response line by line: one line for each text as it finishes, then a summary.

An error after the first line can no longer change the status. It is sent as the last line, with
the body of a refusal. A response whose last line is neither a refusal nor the summary was cut off
in transit.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, ExitStack
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .errors import RequestError
from .handover import is_delivered
from .job import Job
from .wire import NDJSON, to_json


class Lines(Response):
    """A response of newline-delimited JSON.

    Args:
        job: The job whose answers become lines.
        write: Returns the line of one answer, given its number and the answer, without a line end.
        summary: The last line.
        in_time: Bounds a block by a deadline: `Runtime.in_time`.
        admission: Closed once the job is done.
        reservation: Closed once the response has left the process or the client has disconnected.
        headers: Response headers besides the content type.
    """

    media_type = NDJSON

    def __init__(
        self,
        job: Job[Any],
        write: Callable[[int, Any], Awaitable[bytes]],
        summary: bytes,
        in_time: Callable[[float], AbstractAsyncContextManager[None]],
        admission: ExitStack,
        reservation: ExitStack,
        headers: dict[str, str],
    ) -> None:
        super().__init__(headers=headers)
        del self.headers["content-length"]
        self._job = job
        self._write = write
        self._summary = summary
        self._in_time = in_time
        self._admission = admission
        self._reservation = reservation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send each line as soon as it is ready, until the last one or a disconnect."""
        # Once everything is computed, a slow reader must not keep other requests from admission.
        self._job.done.add_done_callback(lambda _: self._admission.close())
        sending = asyncio.create_task(self._send_lines(scope, send))
        gone = asyncio.create_task(until_disconnect(receive))
        try:
            await asyncio.wait((sending, gone), return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                raise ClientDisconnect
            sending.result()
            await is_delivered(scope)
        finally:
            self._reservation.close()
            sending.cancel()
            gone.cancel()
            self._job.done.cancel()  # no effect once it is complete

    async def _send_lines(self, scope: Scope, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        trace, last = scope["state"]["trace"], self._summary
        try:
            while (number := await self._next()) is not None:
                line = await self._write(number, self._job.answers.pop(number))
                await send(_line(line))
            self._job.done.result()  # raises the error if the job failed
        except RequestError as error:
            last = to_json(error.body(trace.request_id))
            trace.status, trace.refused = error.status, error  # for the log and the metrics
        await send(_line(last) | {"more_body": False})

    async def _next(self) -> int | None:
        if not self._job.arrived.empty():  # it arrived in time, however slowly the client reads
            return self._job.arrived.get_nowait()
        async with self._in_time(self._job.deadline):
            return await self._job.arrived.get()


async def until_disconnect(receive: Receive) -> None:
    """Return once the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _line(written: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": written + b"\n", "more_body": True}
