"""A request's headers and bytes -> a validated model, or the refusal that says why not."""

import json
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers
from starlette.requests import Request

from service.errors import Details, RequestError

JSON_RANGES = ("application/json", "application/*", "*/*")  # the most specific speaks first
SHOWN_NAME_LENGTH = 64

Model = TypeVar("Model", bound=BaseModel)


def check_headers(headers: Headers) -> None:
    """Refuse what is not JSON, and callers who do not take JSON.

    Raises:
        RequestError: unsupported_media_type or not_acceptable.
    """
    content_type = headers.get("content-type", "application/json")
    is_json = content_type.partition(";")[0].strip().lower() == "application/json"
    if not is_json or headers.get("content-encoding", "identity") != "identity":
        raise RequestError(
            "unsupported_media_type",
            "the body is not plain JSON by its headers; send content-type: application/json and"
            " no content-encoding",
        )
    if not _takes_json(headers.get("accept", "*/*")):
        raise RequestError(
            "not_acceptable",
            "the answer is application/json, which the Accept header does not admit; send"
            " accept: application/json",
        )


def _takes_json(accept: str) -> bool:
    quality = {}
    for media_range in accept.lower().split(","):
        name, *parameters = (part.strip() for part in media_range.split(";"))
        is_refused = any(p.startswith("q=") and not p[2:].strip("0.") for p in parameters)
        quality[name] = not is_refused
    return next((quality[name] for name in JSON_RANGES if name in quality), False)


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The body, counted while it streams.

    Raises:
        RequestError: body_too_large, as soon as that is known.
        ClientDisconnect: the caller has gone.
    """
    declared = request.headers.get("content-length", "")
    size = int(declared) if declared.isdecimal() else 0
    _refuse_beyond(max_bytes, size)
    chunks = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        _refuse_beyond(max_bytes, size)
        chunks.append(chunk)
    return b"".join(chunks)


def _refuse_beyond(max_bytes: int, size: int) -> None:
    if size > max_bytes:
        raise RequestError(
            "body_too_large",
            f"the body has at least {size} bytes; the limit is {max_bytes}; send fewer texts",
            details=Details(limit=max_bytes, actual=size, setting="max_body_bytes"),
        )


def parse(model: type[Model], body: bytes) -> Model:
    """The request in a body.

    Raises:
        RequestError: invalid_json, invalid_unicode or validation_error.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
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
    # Python's reader lets lone surrogates through; what it reads and cannot write back has some.
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
