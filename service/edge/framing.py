"""Find the place where the HTTP parser has to stop, so that it never sees two requests at once.

The parser itself cannot pause: it parses whatever it is given to the end, and a single read can
hold thousands of small requests. A head ends with an empty line, and so does a chunked body; a body
of a declared length ends where its header says.
"""

EMPTY_LINE = b"\r\n\r\n"
# The parser gets at most this much of a head or of a chunked body at a time. So the length of an
# unfinished line that it has collected is known to within this much.
STEP_BYTES = 16 * 1024


class Framing:
    """Divides the bytes of a connection into steps for the parser."""

    def __init__(self) -> None:
        self._body_left: int | None = None
        self._seam = b""

    def begin_head(self) -> None:
        """Expect the bytes of a head next."""
        self._body_left = None
        self._seam = b""

    def begin_body(self, length: int | None) -> None:
        """Expect the bytes of a body next, which is chunked if its length is None."""
        self._body_left = length
        self._seam = b""

    def step(self, data: bytes, begin: int) -> int:
        """Return where the next step, which starts at `begin`, ends."""
        if self._body_left is not None:
            end = min(len(data), begin + self._body_left)
            self._body_left -= end - begin
            return end
        end = self._search(data, begin)
        self._seam = (self._seam + data[max(begin, end - 3) : end])[-3:]
        return end

    def _search(self, data: bytes, begin: int) -> int:
        # The empty line may have begun with the last three bytes of the read before.
        across = (self._seam + data[begin : begin + 3]).find(EMPTY_LINE)
        if across >= 0:
            return begin + across + len(EMPTY_LINE) - len(self._seam)
        limit = min(len(data), begin + STEP_BYTES)
        found = data.find(EMPTY_LINE, begin, limit)
        return limit if found < 0 else found + len(EMPTY_LINE)
