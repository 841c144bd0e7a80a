"""Compress responses for clients that accept gzip. Vectors are left out: they do not shrink."""

import gzip

from starlette.datastructures import Headers

GZIPPED = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}


def compressed(content: bytes) -> bytes:
    """Return the content as gzip; equal content gives equal bytes."""
    return gzip.compress(content, mtime=0)


def takes_gzip(headers: Headers) -> bool:
    """Return whether Accept-Encoding names gzip, and does not rank it below quality 1."""
    codings = [coding.strip() for coding in headers.get("accept-encoding", "").lower().split(",")]
    return any(coding == "gzip" or coding.startswith("gzip;q=1") for coding in codings)
