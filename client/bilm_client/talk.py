"""One request and what follows: the waiting, the retries, the halving; without input or output.

A talk is a generator. It yields what is to be done, `Send` or `Wait`, and is sent the response; its
return value is the answer. `Client` and `AsyncClient` only differ in how they do it.
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
MIN_WAIT_S = 0.1  # whatever a proxy says, patience ends

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Send:
    """Send this and come back with the response."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    accept: str = "application/json"

    @property
    def headers(self) -> dict[str, str]:
        """Those of the request."""
        return {"Accept": self.accept, "Content-Type": "application/json"}

    @property
    def content(self) -> bytes | None:
        """The body as bytes; arrays become lists.

        Raises:
            ValueError: a text is no Unicode: it holds half of a surrogate pair.
        """
        if self.body is None:
            return None
        return json.dumps(self.body, ensure_ascii=False, default=_as_list).encode()


@dataclass(frozen=True)
class Wait:
    """Come back after so many seconds."""

    seconds: float


Step = Send | Wait
Talk = Generator[Step, httpx.Response | None, Answer]


def ask(send: Send, numbers: Sequence[int] | None, max_wait_s: float) -> Talk[httpx.Response]:
    """A response of 200, after as many tries as the service asks for.

    Args:
        send: The request.
        numbers: Of its texts among all that the caller gave; errors name them.
        max_wait_s: Patience, summed over the waits.

    Raises:
        RefusedError: it was refused.
        ForeignAnswerError: no biLM service answers like that.
    """
    waited_s = 0.0
    while True:
        response = yield send
        assert response is not None, "a talk goes on with a response after Send; this is a bug"
        if response.is_success:
            return response
        wait_s = _retry_after_s(response)
        if response.status_code not in RETRIED or waited_s + wait_s > max_wait_s:
            raise refused(response.status_code, _error_of(response), numbers)
        waited_s += wait_s
        yield Wait(wait_s)


def ask_json(
    send: Send, max_wait_s: float, numbers: Sequence[int] | None = None
) -> Talk[dict[str, Any]]:
    """The fields of an answer in JSON."""
    response = yield from ask(send, numbers, max_wait_s)
    return _fields(response)


def ask_vectors(request: Request, max_wait_s: float) -> Talk[tuple[str, list[Embedding]]]:
    """The revision and the vectors of all texts of a request; one that is too large is halved."""
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
        raise ForeignAnswerError(f"{len(found)} answers came for {request.num_texts} texts")
    return revision, found


def check_one_model(revisions: set[str]) -> None:
    """Nothing, if all answers are of one model.

    Raises:
        ForeignAnswerError: they are not.
    """
    if len(revisions) > 1:
        raise ForeignAnswerError(
            f"the service changed its model while it was asked: {' and '.join(sorted(revisions))}"
        )


def _as_list(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} cannot be sent; give strings, numbers and lists")


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
    if response.status_code == TOO_LARGE or response.status_code in RETRIED:  # a proxy's words
        return {"code": "unknown", "message": response.reason_phrase}
    raise ForeignAnswerError(
        f"{response.request.url} answered {response.status_code} without a reason; is it a biLM"
        " service?"
    )


def _fields(response: httpx.Response) -> dict[str, Any]:
    try:
        fields = json.loads(response.content)
    except ValueError as error:
        raise ForeignAnswerError(
            f"{response.request.url} answered {response.status_code} without JSON; is it a biLM"
            " service?"
        ) from error
    if not isinstance(fields, dict):
        raise ForeignAnswerError(f"{response.request.url} answered a {type(fields).__name__}")
    return fields
