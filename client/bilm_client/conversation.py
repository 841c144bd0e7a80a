"""The course of one request as a generator: waits, retries and halving, without any I/O.

A conversation yields a `Send` and is sent the response, or yields a `Wait` and is sent None. If a
request fails without a response, NoServiceError is thrown into it. Its return value is the answer.
`Client` and `AsyncClient` do the sending and the waiting:

    response = yield Send("GET", "/info")
    yield Wait(1.0)
"""

import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import httpx

from bilm_client.answers import Embedding, Pieces, cut, embeddings, read_answer
from bilm_client.errors import (
    BiLMClientError,
    ForeignAnswerError,
    InputError,
    NoServiceError,
    RefusedError,
    refused,
)
from bilm_client.keys import without_user
from bilm_client.patience import Patience, named_wait_s
from bilm_client.requests import Request
from bilm_client.service import Service

SAFETENSORS = "application/vnd.safetensors"
TOO_LARGE, TOO_SLOW = httpx.codes.REQUEST_ENTITY_TOO_LARGE, httpx.codes.GATEWAY_TIMEOUT
# Whatever the service does may be repeated, so each of these is worth another attempt.
RETRIED = (
    httpx.codes.REQUEST_TIMEOUT,
    httpx.codes.TOO_MANY_REQUESTS,
    httpx.codes.BAD_GATEWAY,
    httpx.codes.SERVICE_UNAVAILABLE,
    TOO_SLOW,
)
# With fewer texts the service may answer at once.
HALVED = (TOO_LARGE, TOO_SLOW)

Answer = TypeVar("Answer")
Item = TypeVar("Item")


@dataclass(frozen=True)
class Send:
    """A step of a conversation: send this request, and return the response to the generator."""

    method: str
    path: str
    content: bytes | None = None
    accept: str = "application/json"

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the request."""
        return {"Accept": self.accept, "Content-Type": "application/json"}


@dataclass(frozen=True)
class Wait:
    """A step of a conversation: wait this many seconds before the next step."""

    seconds: float


@dataclass(frozen=True)
class Answers(Generic[Item]):
    """The answers to a request for several texts.

    Args:
        revision: Revision of the model; None where a path does not say it.
        found: An answer for each text, up to the first that was refused.
        error: Why there are no more.
    """

    revision: str | None
    found: list[Item]
    error: BiLMClientError | None = None


@dataclass(frozen=True)
class Reader(Generic[Item]):
    """The media type that a path for several texts returns, and a function that reads it."""

    accept: str
    read: Callable[[httpx.Response], Answers[Item]]


Step = Send | Wait
Conversation = Generator[Step, httpx.Response | None, Answer]


def ask(
    send: Send, service: Service, numbers: Sequence[int] | None = None, is_halved: bool = False
) -> Conversation[httpx.Response]:
    """Return a successful response; repeat the request while there is hope and patience.

    Args:
        send: The request.
        service: What is known of the service.
        numbers: For each text of the request, its index among all texts that the caller gave;
            errors name it. None if there is no such list.
        is_halved: Whether the caller halves a request that is too slow, which is then not repeated.

    Raises:
        RefusedError: the service refused the request.
        NoServiceError: there was no response.
        ForeignAnswerError: the response is not that of a biLM service.
    """
    patience = Patience()
    while True:
        try:
            response = yield send
        except NoServiceError as error:
            wait_s = patience.next_wait_s(service.patience_s) if error.is_transient else None
            if wait_s is None:
                if not patience.num_waits:
                    raise
                raise _after(patience, error) from error
        else:
            assert response is not None, "a response comes after Send; this is a bug"
            service.has_answered = True
            if response.is_success:
                return response
            wait_s = _wait_after(response, patience, service, is_halved)
            if wait_s is None:
                raise refused(response.status_code, _error_of(response), numbers)
        yield Wait(wait_s)


def _wait_after(
    response: httpx.Response, patience: Patience, service: Service, is_halved: bool
) -> float | None:
    """Return the seconds after which a refused request is repeated; None if it is not."""
    status = response.status_code
    if status not in RETRIED or (is_halved and status == TOO_SLOW):
        return None
    return patience.next_wait_s(service.patience_s, named_wait_s(response.headers))


def ask_json(
    send: Send, service: Service, numbers: Sequence[int] | None = None
) -> Conversation[dict[str, Any]]:
    """Return the fields of a JSON response."""
    response = yield from ask(send, service, numbers)
    return _fields(response)


def ask_texts(
    request: Request, service: Service, reader: Reader[Item], keeps: bool
) -> Conversation[Answers[Item]]:
    """Return an answer for each text of a request; if it is too large or too slow, halve it.

    Args:
        request: The texts.
        service: What is known of the service.
        reader: How responses are read.
        keeps: Whether a failure returns what there is for the texts before the failed one.
    """
    try:
        send = Send("POST", request.path, request.content, reader.accept)
        response = yield from ask(send, service, request.numbers, request.num_texts > 1)
    except (RefusedError, InputError) as error:
        if isinstance(error, RefusedError) and error.status in HALVED and request.num_texts > 1:
            return (yield from _ask_halves(request, service, reader, keeps))
        good = request.numbers.index(error.text) if error.text in request.numbers else 0
        if not keeps or not good:
            raise
        answers = yield from ask_texts(request.part(0, good), service, reader, keeps)
        return Answers(answers.revision, answers.found, answers.error or error)
    answers = read_answer(lambda: reader.read(response))
    if len(answers.found) != request.num_texts:
        raise ForeignAnswerError(
            f"the response has {len(answers.found)} answers for {request.num_texts} texts; is it a"
            " biLM service?"
        )
    return answers


def _ask_halves(
    request: Request, service: Service, reader: Reader[Item], keeps: bool
) -> Conversation[Answers[Item]]:
    one, other = request.halves()
    first = yield from ask_texts(one, service, reader, keeps)
    if first.error:
        return first
    try:
        second = yield from ask_texts(other, service, reader, keeps)
        check_one_model({first.revision, second.revision})
    except BiLMClientError as error:
        if not keeps:
            raise
        return Answers(first.revision, first.found, error)
    return Answers(first.revision, first.found + second.found, second.error)


def check_one_model(revisions: set[str | None]) -> None:
    """Check that all responses came from one model.

    Raises:
        ForeignAnswerError: there is more than one revision.
    """
    if len(revisions) > 1:
        raise ForeignAnswerError(
            "the service changed its model between two responses:"
            f" {' and '.join(sorted(map(str, revisions)))}; send the texts again"
        )


def _read_vectors(response: httpx.Response) -> Answers[Embedding]:
    return Answers(*embeddings(response.content))


def _read_pieces(response: httpx.Response) -> Answers[Pieces]:
    return Answers(None, cut(_fields(response)))


VECTORS = Reader(SAFETENSORS, _read_vectors)
PIECES = Reader("application/json", _read_pieces)


def _after(patience: Patience, error: NoServiceError) -> NoServiceError:
    return NoServiceError(
        f"{error} (the request was repeated {patience.num_waits} times within"
        f" {patience.spent_s():.0f} s; max_wait_s sets how long)",
        error.is_transient,
    )


def _error_of(response: httpx.Response) -> dict[str, Any]:
    try:
        error = _fields(response).get("error")
    except ForeignAnswerError:
        error = None
    if isinstance(error, dict) and {"code", "message"} <= error.keys():
        return error
    status, reason = response.status_code, response.reason_phrase
    if status == TOO_LARGE or status in RETRIED:
        return {
            "code": "unknown",
            "message": f"{reason}, without a reason of the service; what stands between, such as a"
            " proxy, may have sent it",
        }
    location = response.headers.get("Location")
    place = "" if location is None else f" to {without_user(location)}"
    raise ForeignAnswerError(
        f"{response.request.url} returned status {status}{place} without a code; is it a biLM"
        " service?"
    )


def _fields(response: httpx.Response) -> dict[str, Any]:
    try:
        fields = json.loads(response.content)
    except (ValueError, RecursionError) as error:
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
