"""Check the headers of a request, and read the bytes of its body within the limits."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.requests import Request

from .accepted import accepted
from .errors import Details, RequestError
from .handover import refusal_of
from .settings import Settings

JSON = "application/json"
UTF8_NAMES = frozenset({"utf-8", "utf8"})
SHOWN_NAME = re.compile(r"[A-Za-z0-9!#$&^_.+*/:-]{1,64}")
# A parameter of a media type: its name, and its value with or without quotes.
PARAMETER = re.compile(r';\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))')
# U+FDFA, the code point that normalisation makes longest, then has this many bytes in UTF-8.
MOST_BYTES_OF_A_CODE_POINT = 33


def check_content(headers: Headers) -> None:
    """Refuse a request whose headers do not declare a plain JSON body in UTF-8.

    Raises:
        RequestError: unsupported_media_type.
    """
    content_types = [one for one in headers.getlist("content-type") if one.strip()]
    if not content_types and _is_foreign(headers):
        raise RequestError(
            "unsupported_media_type",
            "a page of another site sent the request without a content-type; add content-type:"
            " application/json, which browsers send to another site only with its permission",
        )
    for content_type in content_types:
        if not _is_json(content_type):
            raise RequestError(
                "unsupported_media_type",
                f"the content-type is {_shown(content_type.partition(';')[0].strip())}; send"
                " content-type: application/json",
            )
    for name in ("content-encoding", "transfer-encoding"):
        if wrong := _not_plain(headers.getlist(name)):
            raise RequestError(
                "unsupported_media_type",
                f"the {name} is {_shown(wrong)}; send the JSON as it is, without {name}",
            )
    for charset in (one for content_type in content_types for one in _charsets(content_type)):
        if charset.lower() not in UTF8_NAMES:
            raise RequestError(
                "unsupported_media_type",
                f"the charset of the content-type is {_shown(charset)}, and only UTF-8 is read;"
                " send the body in UTF-8 and content-type: application/json",
            )


def _is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == JSON


def _not_plain(codings: Sequence[str]) -> str | None:
    """Return the first coding that changes the body; None if there is none."""
    names = (name.strip().lower() for one in codings for name in one.split(","))
    return next((name for name in names if name not in ("", "identity", "chunked")), None)


def _charsets(content_type: str) -> list[str]:
    """Return the charsets that a content type declares.

    RFC 8187 writes a parameter as charset*=utf-8''gbk, and RFC 2231 in parts named charset*0 and so
    on. Nobody needs either for a charset, but a server that reads them would find another one.
    """
    found = []
    for name, quoted, plain in PARAMETER.findall(content_type):
        base, extended, part = name.lower().partition("*")
        if base == "charset":
            value = quoted or plain.strip()
            is_encoded = extended and (not part or part.endswith("*"))
            found.append(unquote(value.rpartition("'")[2]) if is_encoded else value)
    return found


def _shown(name: str) -> str:
    """Return a name from a header for a message, if it is one."""
    return name if SHOWN_NAME.fullmatch(name) else "no name"


def _is_foreign(headers: Headers) -> bool:
    """Return whether a browser sent the request on behalf of another site."""
    if headers.get("sec-fetch-site") == "cross-site":
        return True
    origin = headers.get("origin")
    return origin is not None and origin.partition("//")[2].lower() != headers.get("host", "")


def choose_media_type(headers: Headers, offered: Sequence[str]) -> str:
    """Return the offered media type that the Accept header prefers.

    At equal quality, a media type that is named in full comes before one that only a range such
    as */* admits, and then the earlier one in `offered` comes first.

    Raises:
        RequestError: not_acceptable.
    """
    ranges = accepted(headers, "accept")
    if not any(ranges):  # the header is missing, or has nothing in it
        ranges = {"*/*": 1.0}
    liked = [_liking(media_type, ranges) for media_type in offered]
    best = max(liked)
    if not best[0]:
        raise RequestError(
            "not_acceptable",
            f"the response is {' or '.join(offered)}, which the Accept header does not admit;"
            f" send accept: {offered[0]}",
        )
    return offered[liked.index(best)]


def _liking(media_type: str, ranges: Mapping[str, float]) -> tuple[float, bool]:
    """Return the quality of a media type, 0 to 1, and whether it is named in full."""
    kind = media_type.partition("/")[0]
    for name in (media_type, f"{kind}/*", "*/*"):  # the most specific match decides
        if name in ranges:
            return ranges[name], name == media_type
    return 0.0, False


async def read_body(request: Request, settings: Settings, reserve: Callable[[int], None]) -> bytes:
    """Return the body; its bytes are counted, and reserved, while they arrive.

    Args:
        request: The request.
        settings: How large the body may be.
        reserve: Reserves memory for that many bytes, or raises.

    Raises:
        RequestError: body_too_large, as soon as the limit is exceeded or a length beyond it is
            declared; or whatever the edge has found wrong with the body, such as its slowness.
        ClientDisconnect: the client has disconnected.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal():
        _refuse_beyond(settings.max_body_bytes, int(declared))
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        _refuse_beyond(settings.max_body_bytes, size)
        reserve(len(chunk))
        chunks.append(chunk)
    if found := refusal_of(request.scope):
        raise found
    return b"".join(chunks)


def _refuse_beyond(max_bytes: int, size: int) -> None:
    if size > max_bytes:
        raise RequestError(
            "body_too_large",
            f"the body has at least {size} bytes; the limit is {max_bytes}; send less text",
            details=Details(limit=max_bytes, actual=size, setting="max_body_bytes"),
        )


def most_pieces(body: bytes) -> int:
    """Return how many pieces the texts of a body have at most.

    A piece takes at least one byte of the normalised text, and normalisation can turn one code
    point, such as U+FDFA, into many bytes.
    """
    escaped = body.count(b"\\u") * MOST_BYTES_OF_A_CODE_POINT
    if body.isascii():
        return len(body) + escaped
    return len(unicodedata.normalize("NFKC", body.decode(errors="replace")).encode()) + escaped
