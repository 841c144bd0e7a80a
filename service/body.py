"""Turn a request's headers and bytes into a validated model, or refuse the request."""

import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers
from starlette.requests import Request

from .errors import SHOWN_NAME_LENGTH, Details, RequestError
from .handover import refusal_of
from .settings import Settings

JSON = "application/json"
# With more errors than this, a refusal names none of them: pydantic would write out every one.
MAX_ERRORS = 256
MOST_BYTES_OF_A_CODE_POINT = 33  # in UTF-8, after normalisation: those of U+FDFA

Model = TypeVar("Model", bound=BaseModel)


def check_content(headers: Headers) -> None:
    """Refuse a request whose headers do not declare a plain JSON body.

    Raises:
        RequestError: unsupported_media_type.
    """
    if "content-type" not in headers and _is_foreign(headers):
        raise RequestError(
            "unsupported_media_type",
            "the request comes from a page of another site and has no content-type; send"
            " content-type: application/json, for which browsers ask the service's permission",
        )
    content_type = headers.get("content-type", JSON)
    is_json = content_type.partition(";")[0].strip().lower() == JSON
    if not is_json or headers.get("content-encoding", "identity").lower() != "identity":
        raise RequestError(
            "unsupported_media_type",
            "the body is not plain JSON by its headers; send content-type: application/json and"
            " no content-encoding",
        )


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
    ranges = {}
    accepted = ",".join(headers.getlist("accept")) or "*/*"
    for media_range in accepted.lower().split(","):
        name, *parameters = (part.strip() for part in media_range.split(";"))
        ranges[name] = _quality(parameters)
    liked = [_liking(media_type, ranges) for media_type in offered]
    best = max(liked)
    if not best[0]:
        raise RequestError(
            "not_acceptable",
            f"the answer is {' or '.join(offered)}, which the Accept header does not admit; send"
            f" accept: {offered[0]}",
        )
    return offered[liked.index(best)]


def _quality(parameters: Sequence[str]) -> float:
    given = next((one[2:] for one in parameters if one.startswith("q=")), "1")
    try:
        quality = float(given)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0


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
            f"the body has at least {size} bytes; the limit is {max_bytes}; send fewer texts",
            details=Details(limit=max_bytes, actual=size, setting="max_body_bytes"),
        )


def most_pieces(body: bytes) -> int:
    """Return how many pieces the texts of a body have at most.

    A piece is at least a byte of the normalised text, and one code point, such as U+FDFA, may have
    many of those.
    """
    escaped = body.count(b"\\u") * MOST_BYTES_OF_A_CODE_POINT
    if body.isascii():
        return len(body) + escaped
    return len(unicodedata.normalize("NFKC", body.decode(errors="replace")).encode()) + escaped


def parse(model: type[Model], body: bytes) -> Model:
    """Return the validated request that a body contains.

    Raises:
        RequestError: invalid_json, invalid_unicode or validation_error.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        if error.error_count() > MAX_ERRORS:
            raise RequestError(
                "validation_error",
                f"the body has {error.error_count()} fields that are none of this path; see /docs"
                " for the fields and their values",
            ) from None
        first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        raise _unreadable(body)
    place = first["loc"]
    param = str(place[0])[:SHOWN_NAME_LENGTH] if place else None
    index = next((step for step in place if isinstance(step, int)), None)
    raise RequestError(
        "validation_error",
        f"{param or 'the body'}: {first['msg']}; see /docs for the fields and their values",
        param=param,
        details=Details(index=index),
    )


def _unreadable(body: bytes) -> RequestError:
    # json.loads accepts lone surrogates; encoding what it read as UTF-8 then fails.
    try:
        json.dumps(json.loads(body), ensure_ascii=False).encode()
    except UnicodeError:
        return RequestError(
            "invalid_unicode",
            "the body holds bytes that are not UTF-8, or half of a surrogate pair; send whole"
            " characters in UTF-8",
        )
    except (ValueError, RecursionError):
        pass
    return RequestError("invalid_json", "the body is not JSON in UTF-8; send one JSON object")
