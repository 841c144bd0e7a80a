"""Compress responses for clients that accept gzip. Vectors are left out: they do not shrink."""

import gzip

from starlette.datastructures import Headers

from .accepted import accepted

GZIPPED = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}


def compressed(content: bytes) -> bytes:
    """Return the content as gzip; equal content gives equal bytes."""
    return gzip.compress(content, mtime=0)


def takes_gzip(headers: Headers) -> bool:
    """Return whether Accept-Encoding names gzip, and does not rank it below no coding at all."""
    codings = accepted(headers, "accept-encoding")
    gzip_quality = codings.get("gzip", 0.0)
    return gzip_quality > 0 and gzip_quality >= codings.get("identity", 0.0)
