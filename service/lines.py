"""An answer that leaves line by line: each text as it finishes, then what there is to say of all.

What fails after the first line can no longer have a status of its own. It is the last line then,
with the body every refusal has; an answer whose last line is neither that nor the summary has been
cut off on its way.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from time import monotonic
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.errors import RequestError
from service.job import Job
from service.sending import deliver
from service.wire import NDJSON, to_json


class Lines(Response):
    """A response of newline-delimited JSON.

    Args:
        job: Whose answers become lines.
        write: The line of one answer, given its number; without its end.
        summary: The last line.
        late: The refusal of what is not answered by the job's deadline.
        admission: Closed once the last answer is there.
        held: Closed once it has left, or its client has.
        patience_s: How long a client may take for a line.
        headers: Beside the content type.
    """

    media_type = NDJSON

    def __init__(
        self,
        job: Job[Any],
        write: Callable[[int, Any], Awaitable[bytes]],
        summary: bytes,
        late: RequestError,
        admission: ExitStack,
        held: ExitStack,
        patience_s: float,
        headers: dict[str, str],
    ) -> None:
        super().__init__(headers=headers)
        del self.headers["content-length"]
        self._job = job
        self._write = write
        self._summary = summary
        self._late = late
        self._admission = admission
        self._held = held
        self._patience_s = patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send every line as soon as there is one, until the last or until the client has gone."""
        # Once all is computed only sending is left, and a slow reader holds nobody's place.
        self._job.done.add_done_callback(lambda _: self._admission.close())
        sending = asyncio.create_task(self._send_lines(scope, send))
        gone = asyncio.create_task(until_disconnect(receive))
        try:
            await asyncio.wait((sending, gone), return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                raise ClientDisconnect
            sending.result()
        finally:
            self._held.close()
            sending.cancel()
            gone.cancel()
            self._job.done.cancel()  # nothing, where it is complete

    async def _send_lines(self, scope: Scope, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        trace, last = scope["state"]["trace"], self._summary
        try:
            while (number := await self._next()) is not None:
                line = await self._write(number, self._job.answers.pop(number))
                await deliver(send, _line(line), self._patience_s)
            self._job.done.result()  # or what it failed of
        except RequestError as error:
            last = to_json(error.body(trace.request_id))
            trace.status = error.status  # the log and the metrics shall know
        await deliver(send, _line(last) | {"more_body": False}, self._patience_s)

    async def _next(self) -> int | None:
        if not self._job.arrived.empty():  # there in time, however slowly the client reads
            return self._job.arrived.get_nowait()
        try:
            async with asyncio.timeout(max(0.0, self._job.deadline - monotonic())):
                return await self._job.arrived.get()
        except TimeoutError as error:
            raise self._late from error


async def until_disconnect(receive: Receive) -> None:
    """Return once the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _line(written: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": written + b"\n", "more_body": True}
