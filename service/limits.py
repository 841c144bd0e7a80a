"""The limits on what one request may cost, and the refusals of requests that exceed them."""

from collections.abc import Iterator
from contextlib import contextmanager

from biLM.errors import TextTooLongError
from biLM.limit import Limit
from biLM.questions.question import Underway

from .errors import Details, RequestError
from .settings import Settings


def check_number(code: str, actual: int, things: str, limit: int, setting: str) -> None:
    """Refuse a request that has too many of something.

    Raises:
        RequestError: the given code, if `actual` exceeds `limit`.
    """
    if actual > limit:
        raise RequestError(
            code,
            f"the request has at least {actual} {things}; the limit is {limit}",
            "send several requests",
            details=Details(limit=limit, actual=actual, setting=setting),
        )


@contextmanager
def whole_text(settings: Settings, remedy: str) -> Iterator[Limit]:
    """Yield the limit on the pieces of a request's single text, which is never truncated.

    Raises:
        RequestError: text_too_long, if cutting the text finds more.
    """
    try:
        yield Limit(settings.max_text_pieces)
    except TextTooLongError as error:
        raise text_too_long(error, "the text", "text", remedy) from error


def text_too_long(
    error: TextTooLongError,
    text: str,
    param: str,
    remedy: str,
    index: int | None = None,
    setting: str = "max_text_pieces",
) -> RequestError:
    """Return the refusal of a text that has too many pieces."""
    return RequestError(
        "text_too_long",
        f"{text} has at least {error.at_least} pieces; the limit is {error.limit}",
        remedy,
        param=param,
        details=Details(index, None, error.limit, error.at_least, setting),
    )


def check_steps(search: Underway[object], settings: Settings, remedy: str) -> None:
    """Refuse a search that might read too many pieces one step at a time.

    Raises:
        RequestError: text_too_long.
    """
    pieces, limit = search.cost.stepped_pieces, settings.max_stepped_pieces
    if pieces > limit:
        text = len(search.ids)
        raise RequestError(
            "text_too_long",
            f"the text has {text} pieces, and the search may read {pieces - text} more, one step at"
            f" a time; the limit for both together is {limit}",
            remedy,
            param="text",
            details=Details(limit=limit, actual=pieces, setting="max_stepped_pieces"),
        )


def check_response(num_bytes: int, settings: Settings) -> None:
    """Refuse a request whose response would be too large.

    Raises:
        RequestError: response_too_large.
    """
    limit = settings.max_response_bytes
    if num_bytes > limit:
        raise RequestError(
            "response_too_large",
            f"the response would have about {num_bytes} bytes; the limit is {limit}",
            "send fewer texts or spans, or request fewer layers, or float16 in base64",
            details=Details(limit=limit, actual=num_bytes, setting="max_response_bytes"),
        )


@contextmanager
def as_field(param: str, remedy: str) -> Iterator[None]:
    """Rewrite any refusal raised in this context, so that it names this field and this remedy.

    The shared checks may otherwise name a field, or a remedy, that the path does not have. The
    refusal of a wrong value has the remedy for it and keeps that.
    """
    try:
        yield
    except RequestError as error:
        is_wrong_value = error.code == "validation_error"
        raise RequestError(
            error.code,
            error.found,
            "" if is_wrong_value else remedy,
            param=param,
            details=error.details,
        ) from error
