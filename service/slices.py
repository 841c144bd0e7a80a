"""Send a response to a client that may read slowly, or not at all.

Before uvicorn accepts another message, it waits until the client has read most of the last one. So
a response that is sent in slices never has more than a slice in the transport's buffer. A client
that does not read is cut off by the edge.
"""

from contextlib import ExitStack

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .handover import is_delivered

SLICE_BYTES = 256 * 1024


class Slices(Response):
    """A response that is sent slice by slice.

    Args:
        content: The whole body.
        headers: Response headers besides the content type.
        media_type: The content type.
        reservation: Closed once the response has left the process or the client has disconnected.
    """

    def __init__(
        self, content: bytes, headers: dict[str, str], media_type: str, reservation: ExitStack
    ) -> None:
        super().__init__(content, 200, headers, media_type)
        self._reservation = reservation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send every slice, and wait until the last one has left."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        with self._reservation:
            await send(start)
            for begin in range(0, max(1, len(self.body)), SLICE_BYTES):
                message = {
                    "type": "http.response.body",
                    "body": self.body[begin : begin + SLICE_BYTES],
                    "more_body": begin + SLICE_BYTES < len(self.body),
                }
                await send(message)
            await is_delivered(scope)
