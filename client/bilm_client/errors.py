"""Why there is no answer.

BiLMClientError
NoServiceError          nobody answers at the address
ForeignAnswerError      somebody answers, but not as a biLM service of one model does
RefusedError            the service refused: status, code, message, which text
UnauthorizedError     401: no key of this service was sent
OverloadedError       429: still refused after waiting as long as allowed
UnavailableError      503, 504: starting, ending or too slow, after waiting as well
"""

from collections.abc import Mapping
from typing import Any


class BiLMClientError(Exception):
    """Whatever this package raises on its own account."""


class NoServiceError(BiLMClientError):
    """Nobody answers at the address."""


class ForeignAnswerError(BiLMClientError):
    """An answer that is not one of a biLM service, or one of another model than before."""


class RefusedError(BiLMClientError):
    """The service refused.

    Args:
        status: Of HTTP.
        code: The service's stable word for it.
        message: What was found, what is allowed, what to do.
        param: The field it is about.
        text: Which of the caller's texts it is about, counted from 0.
        request_id: By which the service's log knows the request.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        text: int | None = None,
        request_id: str | None = None,
    ) -> None:
        place = "" if text is None else f" (text {text} of those given)"
        super().__init__(f"{status} {code}: {message}{place}")
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.text = text
        self.request_id = request_id


class UnauthorizedError(RefusedError):
    """No key of this service was sent."""


class OverloadedError(RefusedError):
    """The service has no room, and had none until patience ended."""


class UnavailableError(RefusedError):
    """The service starts, ends or is too slow, and did so until patience ended."""


KINDS: Mapping[int, type[RefusedError]] = {
    401: UnauthorizedError,
    429: OverloadedError,
    503: UnavailableError,
    504: UnavailableError,
}


def refused(status: int, error: Mapping[str, Any], first: int) -> RefusedError:
    """The error of a refusal's body, its text counted among all that the caller gave.

    Args:
        status: Of HTTP.
        error: The field `error` of the body.
        first: Place of the request's first text among the caller's.
    """
    details = error.get("details") or {}
    index = details.get("index")
    return KINDS.get(status, RefusedError)(
        status,
        str(error["code"]),
        str(error["message"]),
        param=error.get("param"),
        text=None if index is None else first + index,
        request_id=error.get("request_id"),
    )
