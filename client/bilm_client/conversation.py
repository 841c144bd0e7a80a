"""The course of one request as a generator: waits, retries and halving, without any I/O.

A conversation yields a `Send` and is sent the response, or yields a `Wait` and is sent None. Its
return value is the answer. `Client` and `AsyncClient` do the sending and the waiting:

    response = yield Send("GET", "/info")
    yield Wait(1.0)
"""

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import numpy as np

from bilm_client.answers import Embedding, embeddings, read_answer
from bilm_client.errors import ForeignAnswerError, RefusedError, refused
from bilm_client.requests import Request

SAFETENSORS = "application/vnd.safetensors"
TOO_LARGE = httpx.codes.REQUEST_ENTITY_TOO_LARGE
RETRIED = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)
DEFAULT_WAIT_S = 1.0
# A proxy may send Retry-After: 0; every wait counts this much, so that the retries come to an end.
MIN_WAIT_S = 0.1

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Send:
    """A step of a conversation: send this request, and return the response to the generator."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    accept: str = "application/json"

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the request."""
        return {"Accept": self.accept, "Content-Type": "application/json"}

    @property
    def content(self) -> bytes | None:
        """The body as bytes; arrays become lists.

        Raises:
            ValueError: a text is not valid Unicode: it contains half of a surrogate pair.
        """
        if self.body is None:
            return None
        return json.dumps(self.body, ensure_ascii=False, default=_as_list).encode()


@dataclass(frozen=True)
class Wait:
    """A step of a conversation: wait this many seconds before the next step."""

    seconds: float


Step = Send | Wait
Conversation = Generator[Step, httpx.Response | None, Answer]


def ask(
    send: Send, numbers: Sequence[int] | None, max_wait_s: float
) -> Conversation[httpx.Response]:
    """Return a successful response; retry while the service responds with 429 or 503.

    Args:
        send: The request.
        numbers: For each text of the request, its index among all texts that the caller gave;
            errors name it. None if there is no such list.
        max_wait_s: Seconds to wait in total over all retries.

    Raises:
        RefusedError: the service refused the request.
        ForeignAnswerError: the response is not that of a biLM service.
    """
    waited_s = 0.0
    while True:
        response = yield send
        assert response is not None, (
            "a conversation goes on with a response after Send; this is a bug"
        )
        if response.is_success:
            return response
        wait_s = _retry_after_s(response)
        if response.status_code not in RETRIED or waited_s + wait_s > max_wait_s:
            raise refused(response.status_code, _error_of(response), numbers)
        waited_s += wait_s
        yield Wait(wait_s)


def ask_json(
    send: Send, max_wait_s: float, numbers: Sequence[int] | None = None
) -> Conversation[dict[str, Any]]:
    """Return the fields of a JSON response."""
    response = yield from ask(send, numbers, max_wait_s)
    return _fields(response)


def ask_vectors(request: Request, max_wait_s: float) -> Conversation[tuple[str, list[Embedding]]]:
    """Return the revision and the vectors of all texts of a request; if too large, halve it."""
    send = Send("POST", request.path, request.body, SAFETENSORS)
    try:
        response = yield from ask(send, request.numbers, max_wait_s)
    except RefusedError as error:
        if error.status != TOO_LARGE or request.num_texts == 1:
            raise
        one, other = request.halves()
        revision, found = yield from ask_vectors(one, max_wait_s)
        second, more = yield from ask_vectors(other, max_wait_s)
        check_one_model({revision, second})
        return revision, found + more
    revision, found = read_answer(lambda: embeddings(response.content))
    if len(found) != request.num_texts:
        raise ForeignAnswerError(
            f"the response has {len(found)} answers for {request.num_texts} texts; is it a biLM"
            " service?"
        )
    return revision, found


def check_one_model(revisions: set[str]) -> None:
    """Check that all responses came from one model.

    Raises:
        ForeignAnswerError: there is more than one revision.
    """
    if len(revisions) > 1:
        raise ForeignAnswerError(
            "the service changed its model between two responses:"
            f" {' and '.join(sorted(revisions))}; send the texts again"
        )


def _as_list(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} cannot be sent; use strings, numbers and lists")


def _retry_after_s(response: httpx.Response) -> float:
    value = response.headers.get("Retry-After", "")
    return max(float(value), MIN_WAIT_S) if value.isdecimal() else DEFAULT_WAIT_S


def _error_of(response: httpx.Response) -> dict[str, Any]:
    try:
        error = _fields(response).get("error")
    except ForeignAnswerError:
        error = None
    if isinstance(error, dict) and {"code", "message"} <= error.keys():
        return error
    if response.status_code == TOO_LARGE or response.status_code in RETRIED:  # from a proxy
        return {"code": "unknown", "message": response.reason_phrase}
    raise ForeignAnswerError(
        f"{response.request.url} returned status {response.status_code} without a code; is it a"
        " biLM service?"
    )


def _fields(response: httpx.Response) -> dict[str, Any]:
    try:
        fields = json.loads(response.content)
    except ValueError as error:
        raise ForeignAnswerError(
            f"{response.request.url} returned status {response.status_code} without JSON; is it a"
            " biLM service?"
        ) from error
    if not isinstance(fields, dict):
        raise ForeignAnswerError(
            f"{response.request.url} returned a {type(fields).__name__}, not an object; is it a"
            " biLM service?"
        )
    return fields
