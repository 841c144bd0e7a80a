"""gzip, for answers that shrink by it and callers that take it. Vectors do not shrink."""

import gzip

from starlette.datastructures import Headers

GZIPPED = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}


def compressed(content: bytes) -> bytes:
    """The content as gzip; the same bytes for the same content."""
    return gzip.compress(content, mtime=0)


def takes_gzip(headers: Headers) -> bool:
    """Whether who sent these headers wants gzip: it is named, and not with a lower wish."""
    codings = [coding.strip() for coding in headers.get("accept-encoding", "").lower().split(",")]
    return any(coding == "gzip" or coding.startswith("gzip;q=1") for coding in codings)
