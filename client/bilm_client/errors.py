"""Why there is no answer.

BiLMClientError
├── NoServiceError          no answer from the address: nobody there, or too late
├── ForeignAnswerError      somebody answers, but not as a biLM service of one model does
└── RefusedError            the service refused: status, code, message, which text
    ├── UnauthorizedError   401: no key of this service was sent
    ├── OverloadedError     429: still refused after waiting as long as allowed
    └── UnavailableError    503: starting or ending, after waiting as well; 504: too slow
"""

from collections.abc import Mapping, Sequence
from typing import Any


class BiLMClientError(Exception):
    """Whatever this package raises on its own account."""


class NoServiceError(BiLMClientError):
    """No answer from the address: nobody there, or too late."""


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
    """The service starts or ends, until patience ended; or it is too slow."""


KINDS: Mapping[int, type[RefusedError]] = {
    401: UnauthorizedError,
    429: OverloadedError,
    503: UnavailableError,
    504: UnavailableError,
}


def refused(status: int, error: Mapping[str, Any], numbers: Sequence[int] | None) -> RefusedError:
    """The error of a refusal's body, its text counted among all that the caller gave.

    Args:
        status: Of HTTP.
        error: The field `error` of the body.
        numbers: Of the request's texts among all that the caller gave.
    """
    details = error.get("details")
    index = details.get("index") if isinstance(details, dict) else None
    text = numbers[index] if isinstance(index, int) and numbers is not None else None
    return KINDS.get(status, RefusedError)(
        status,
        str(error["code"]),
        str(error["message"]),
        param=error.get("param"),
        text=text,
        request_id=error.get("request_id"),
    )
