"""Send a response to a client that may read slowly, or not at all.

Before uvicorn accepts another message, it waits until the client has read most of the last one. So
a response that is sent in slices never has more than a slice in the transport's buffer, and a
client that does not read is noticed.
"""

import asyncio
from contextlib import ExitStack

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

SLICE_BYTES = 256 * 1024


class Slices(Response):
    """A response that is sent slice by slice.

    Args:
        content: The whole body.
        headers: Response headers besides the content type.
        media_type: The content type.
        reservation: Closed once the response has been sent or the client has disconnected.
        patience_s: Seconds that a client may take to read a slice.
    """

    def __init__(
        self,
        content: bytes,
        headers: dict[str, str],
        media_type: str,
        reservation: ExitStack,
        patience_s: float,
    ) -> None:
        super().__init__(content, 200, headers, media_type)
        self._reservation = reservation
        self._patience_s = patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send every slice.

        Raises:
            ClientDisconnect: the client has not read a slice within patience_s.
        """
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        with self._reservation:
            await send(start)
            for begin in range(0, max(1, len(self.body)), SLICE_BYTES):
                message = {
                    "type": "http.response.body",
                    "body": self.body[begin : begin + SLICE_BYTES],
                    "more_body": begin + SLICE_BYTES < len(self.body),
                }
                await deliver(send, message, self._patience_s)


async def deliver(send: Send, message: Message, patience_s: float) -> None:
    """Send a message, and give up on a client that does not read.

    Raises:
        ClientDisconnect: the client has not read the messages before within patience_s.
    """
    try:
        async with asyncio.timeout(patience_s):
            await send(message)
    except TimeoutError:
        raise ClientDisconnect from None
