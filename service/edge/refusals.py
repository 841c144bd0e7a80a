"""The refusals of requests that do not get as far as a path."""

from ..errors import Details, RequestError
from ..settings import Settings

CROWD_RETRY_S = 1


def invalid_http(found: str) -> RequestError:
    """Return the refusal of bytes that are no HTTP/1.1 request."""
    return RequestError("invalid_http", found, "send one request of HTTP/1.1")


def without_host(number: int) -> RequestError:
    """Return the refusal of a request that does not name one host."""
    return RequestError(
        "invalid_http", f"the request has {number} Host headers; HTTP/1.1 requires one"
    )


def head_too_large(actual: int, settings: Settings) -> RequestError:
    """Return the refusal of a head, or of chunk extensions or trailers, of too many bytes."""
    limit = settings.max_header_bytes
    return RequestError(
        "headers_too_large",
        f"the request line and headers, or what stands beside the bytes of a chunked body, have at"
        f" least {actual} bytes; the limit is {limit}",
        "send fewer or shorter headers",
        details=Details(limit=limit, actual=actual, setting="max_header_bytes"),
    )


def too_many_headers(actual: int, settings: Settings) -> RequestError:
    """Return the refusal of a head with too many headers."""
    limit = settings.max_headers
    return RequestError(
        "headers_too_large",
        f"the request has at least {actual} headers; the limit is {limit}",
        "send fewer headers",
        details=Details(limit=limit, actual=actual, setting="max_headers"),
    )


def head_too_slow(settings: Settings) -> RequestError:
    """Return the refusal of a head that did not arrive in time."""
    return RequestError(
        "request_timeout",
        f"the request line and headers did not arrive within head_s = {settings.head_s} s",
        "send them at once",
        details=Details(setting="head_s"),
    )


def body_too_slow(actual: int, settings: Settings) -> RequestError:
    """Return the refusal of a body that did not arrive in time."""
    return RequestError(
        "request_timeout",
        f"{actual} bytes of the body have arrived, and more are missing after body_s ="
        f" {settings.body_s} s and a second for each {settings.min_bytes_per_s} bytes"
        " (min_bytes_per_s)",
        "send the body faster, or fewer texts",
        details=Details(actual=actual, setting="body_s"),
    )


def chunks_too_many(actual: int, limit: int) -> RequestError:
    """Return the refusal of a chunked body that has many more bytes than it carries."""
    return RequestError(
        "body_too_large",
        f"the chunked body takes at least {actual} bytes with the lines between its chunks; the"
        f" limit is {limit}, twice max_body_bytes",
        "send larger chunks, or a content-length",
        details=Details(limit=limit, actual=actual, setting="max_body_bytes"),
    )


def too_many_connections(limit: int) -> RequestError:
    """Return the refusal of a request, other than a probe, beyond the limit of connections."""
    return RequestError(
        "too_many_connections",
        f"{limit} connections are open, which is the limit",
        f"ask again in {CROWD_RETRY_S} s, and reuse connections",
        details=Details(limit=limit, setting="max_connections"),
        retry_after_s=CROWD_RETRY_S,
    )
