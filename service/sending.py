"""An answer on its way to a client that may read slowly, or not at all.

uvicorn waits, before it takes another message, until the client has read most of the last one. So
an answer that leaves in slices holds no more of the transport than a slice, and a client that reads
nothing is noticed.
"""

import asyncio
from contextlib import ExitStack

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

SLICE_BYTES = 256 * 1024


class Slices(Response):
    """A response that leaves slice by slice.

    Args:
        content: The whole of it.
        headers: Beside the content type.
        media_type: The content type.
        held: Closed once it has left, or its client has.
        patience_s: How long a client may take for a slice.
    """

    def __init__(
        self,
        content: bytes,
        headers: dict[str, str],
        media_type: str,
        held: ExitStack,
        patience_s: float,
    ) -> None:
        super().__init__(content, 200, headers, media_type)
        self._held = held
        self._patience_s = patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send every slice.

        Raises:
            ClientDisconnect: the client does not read.
        """
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        with self._held:
            await send(start)
            for begin in range(0, max(1, len(self.body)), SLICE_BYTES):
                message = {
                    "type": "http.response.body",
                    "body": self.body[begin : begin + SLICE_BYTES],
                    "more_body": begin + SLICE_BYTES < len(self.body),
                }
                await deliver(send, message, self._patience_s)


async def deliver(send: Send, message: Message, patience_s: float) -> None:
    """Send a message to a client that reads.

    Raises:
        ClientDisconnect: it has not read what came before within patience_s.
    """
    try:
        async with asyncio.timeout(patience_s):
            await send(message)
    except TimeoutError:
        raise ClientDisconnect from None
