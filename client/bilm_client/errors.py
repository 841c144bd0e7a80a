"""The errors of the client.

BiLMClientError
├── InputError              an argument that cannot be used: its kind, the text's number, the remedy
├── NoServiceError          no response in time: the service cannot be reached, or is too slow
├── ClosedError            the client was closed before the call, or during it
├── ForeignAnswerError      a response that is not from a biLM service, or from another model
└── RefusedError            the service refused: status, code, message, which text
    ├── UnauthorizedError   401: no valid key was sent
    ├── OverloadedError     429: still overloaded after the longest wait allowed
    └── UnavailableError    502, 503: still starting or ending after that wait; 408, 504: too slow
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

# Fields of a request that have an entry for each text.
PER_TEXT = ("texts", "words", "ids", "spans", "input")


class BiLMClientError(Exception):
    """The base class of the errors that this package defines."""


class InputError(BiLMClientError, TypeError, ValueError):
    """An argument that the client cannot use: texts of another kind, an address, a key.

    It is a TypeError and a ValueError: whether a NaN among texts is of a wrong type or has a wrong
    value is a question on which callers differ.

    Args:
        message: What was found, and what to give instead.
        text: Index of the text that it is about, counted from 0.
    """

    def __init__(self, message: str, text: int | None = None) -> None:
        super().__init__(message, text)
        self.message = message
        self.text = text

    def __str__(self) -> str:
        return self.message


class NoServiceError(BiLMClientError):
    """The address gave no response in time: the service cannot be reached, or is too slow.

    Args:
        message: What happened, and what to do.
        is_transient: Whether the same request may succeed a little later.
    """

    def __init__(self, message: str, is_transient: bool = False) -> None:
        super().__init__(message, is_transient)
        self.is_transient = is_transient

    def __str__(self) -> str:
        return str(self.args[0])


class ClosedError(BiLMClientError, RuntimeError):
    """The client was closed before the call, or during it by another thread or task."""

    def __init__(self, message: str = "the client is closed; make another") -> None:
        super().__init__(message)


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
        place: Where the value is in the fields, such as mix.weights.2 or texts.31.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        param: str | None = None,
        text: int | None = None,
        request_id: str | None = None,
        place: str | None = None,
    ) -> None:
        # Exceptions are pickled by their arguments.
        super().__init__(status, code, message, param, text, request_id, place)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.text = text
        self.request_id = request_id
        self.place = place

    def __str__(self) -> str:
        is_named = self.text is None or re.search(rf"\btexts?[ .]{self.text}\b", self.message)
        place = "" if is_named else f" (text {self.text} of those given)"
        return f"{self.status} {self.code}: {self.message}{place}"


class UnauthorizedError(RefusedError):
    """No valid key was sent."""


class OverloadedError(RefusedError):
    """The service was overloaded until the client had waited as long as it may."""


class UnavailableError(RefusedError):
    """The service was starting or ending for as long as the client may wait, or was too slow."""


KINDS: Mapping[int, type[RefusedError]] = {
    401: UnauthorizedError,
    408: UnavailableError,
    429: OverloadedError,
    502: UnavailableError,
    503: UnavailableError,
    504: UnavailableError,
}


def refused(status: int, error: Mapping[str, Any], numbers: Sequence[int] | None) -> RefusedError:
    """Return the error for a refusal; `text` and `place` count all texts that the caller gave.

    Args:
        status: The HTTP status.
        error: The field `error` of the response body.
        numbers: For each text of the request, its index among all texts that the caller gave.
    """
    message, param = str(error["message"]), _string(error.get("param"))
    details = error.get("details")
    details = details if isinstance(details, dict) else {}
    place = _string(details.get("place"))
    text = None
    if _is_of_a_text(param):
        index = details.get("index")
        text = _number_of(index, numbers or ())
        # The service counts the texts of its request, the caller all texts.
        if text is None:
            place = None
        else:
            message = re.sub(rf"\b(texts?[ .]){index}\b", rf"\g<1>{text}", message)
            place = place and re.sub(rf"^(\w+\.){index}\b", rf"\g<1>{text}", place)
    request_id = _string(error.get("request_id"))
    kind = KINDS.get(status, RefusedError)
    return kind(status, str(error["code"]), message, param, text, request_id, place)


def _is_of_a_text(param: str | None) -> bool:
    """Return whether a refusal that names this field can be about one text."""
    return param is None or re.split(r"[.\[]", param)[0] in PER_TEXT


def _number_of(index: object, numbers: Sequence[int]) -> int | None:
    """Return the number of a text among all texts, if the index is one of the request's texts."""
    if type(index) is int and 0 <= index < len(numbers):
        return numbers[index]
    return None


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None
