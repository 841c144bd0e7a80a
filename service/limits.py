"""What a request may cost: each limit of the settings, and the refusal of what is beyond it."""

from collections.abc import Iterator
from contextlib import contextmanager

from biLM.question import Stepped
from service.errors import Details, RequestError
from service.settings import Settings


def check_number(code: str, actual: int, things: str, limit: int, setting: str) -> None:
    """Refuse a request that has too many of something.

    Raises:
        RequestError: of that code.
    """
    if actual > limit:
        raise RequestError(
            code,
            f"the request has at least {actual} {things}; the limit is {limit}",
            "send several requests",
            details=Details(limit=limit, actual=actual, setting=setting),
        )


def check_length(pieces: int, limit: int, setting: str, remedy: str) -> None:
    """Refuse the one text of a request that has too many pieces.

    Raises:
        RequestError: text_too_long.
    """
    if pieces > limit:
        raise RequestError(
            "text_too_long",
            f"the text has {pieces} pieces; the limit is {limit}",
            remedy,
            param="text",
            details=Details(limit=limit, actual=pieces, setting=setting),
        )


def check_steps(asked: Stepped[object], settings: Settings, remedy: str) -> None:
    """Refuse a search that could read too many pieces one at a time.

    Raises:
        RequestError: text_too_long.
    """
    pieces, limit = asked.stepped_pieces, settings.max_stepped_pieces
    if pieces > limit:
        text = len(asked.ids)
        raise RequestError(
            "text_too_long",
            f"the text has {text} pieces, and the search may read {pieces - text} more, one step at"
            f" a time; the limit is {limit} together",
            remedy,
            param="text",
            details=Details(limit=limit, actual=pieces, setting="max_stepped_pieces"),
        )


def check_response(num_bytes: int, settings: Settings) -> None:
    """Refuse a request whose answer would be too large.

    Raises:
        RequestError: response_too_large.
    """
    limit = settings.max_response_bytes
    if num_bytes > limit:
        raise RequestError(
            "response_too_large",
            f"the answer would have about {num_bytes} bytes; the limit is {limit}",
            "send fewer texts or spans, ask for fewer layers, or for float16 in base64",
            details=Details(limit=limit, actual=num_bytes, setting="max_response_bytes"),
        )


@contextmanager
def only(param: str, remedy: str) -> Iterator[None]:
    """Refusals of a path that has fewer fields: they name its field, and a remedy it offers."""
    try:
        yield
    except RequestError as error:
        raise RequestError(
            error.code, error.found, remedy, param=param, details=error.details
        ) from error
