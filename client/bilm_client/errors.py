"""The errors of the client.

BiLMClientError
├── NoServiceError          no response in time: the service cannot be reached, or is too slow
├── ForeignAnswerError      a response that is not from a biLM service, or from another model
└── RefusedError            the service refused: status, code, message, which text
    ├── UnauthorizedError   401: no valid key was sent
    ├── OverloadedError     429: still overloaded after the longest wait allowed
    └── UnavailableError    503: still starting or ending after that wait; 504: too slow
"""

from collections.abc import Mapping, Sequence
from typing import Any


class BiLMClientError(Exception):
    """The base class of the errors that this package defines."""


class NoServiceError(BiLMClientError):
    """The address gave no response in time: the service cannot be reached, or is too slow."""


class ForeignAnswerError(BiLMClientError):
    """A response that is not from a biLM service, or is from another model than before."""


class RefusedError(BiLMClientError):
    """The service refused the request.

    Args:
        status: The HTTP status.
        code: The service's stable word for the reason.
        message: What was found, what is allowed, what to do.
        param: Name of the request field that caused the refusal.
        text: Index of the caller's text that caused it, counted from 0.
        request_id: The id of the request in the service's log.
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
    """No valid key was sent."""


class OverloadedError(RefusedError):
    """The service was overloaded until the client had waited as long as it may."""


class UnavailableError(RefusedError):
    """The service was starting or ending for as long as the client may wait, or was too slow."""


KINDS: Mapping[int, type[RefusedError]] = {
    401: UnauthorizedError,
    429: OverloadedError,
    503: UnavailableError,
    504: UnavailableError,
}


def refused(status: int, error: Mapping[str, Any], numbers: Sequence[int] | None) -> RefusedError:
    """Return the error for a refusal; its `text` is an index into all texts that the caller gave.

    Args:
        status: The HTTP status.
        error: The field `error` of the response body.
        numbers: For each text of the request, its index among all texts that the caller gave.
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
