"""The least a caller of POST /embed needs: batches, retries, and bytes into arrays, in order."""

import base64
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt

from examples.classifier.errors import DataError, ServiceError

DTYPES = {"float16": "<f2", "float32": "<f4"}
# About one micro-batch of the service. Its queue holds two seconds of work and takes a request
# whole or not at all: several small requests find room where one large one is refused.
REQUEST_CHARACTERS = 4096
IN_FLIGHT = 4
API_KEY_VARIABLE = "CLASSIFIER_API_KEY"  # the service refuses BILM_ names it does not know
MAX_WAIT_S = 120.0  # summed over the retries of one request
DEFAULT_WAIT_S = 1.0
TIMEOUT_S = 60.0  # twice the service's own deadline
Vectors = npt.NDArray[np.float16] | npt.NDArray[np.float32]
Json = dict[str, Any]  # as json.loads returns it; its shape is checked where it is read


class EmbedClient:
    """One service, asked over a few connections at a time.

    Args:
        url: Where the service listens.
        api_key: Sent as a bearer token.
        wait: Called with seconds before a retry.

    Raises:
        ServiceError: there is no such service at the address.
    """

    def __init__(
        self, url: str, *, api_key: str | None = None, wait: Callable[[float], object] = time.sleep
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_S)
        self._wait = wait
        self.url = url
        try:
            info = self._ask("GET", "/info")
            self.model_id: str = info["model"]["id"]
            self.revision: str = info["model"]["revision"]
            self._max_texts: int = info["limits"]["max_texts"]
            self._max_pieces: int = info["limits"]["max_request_pieces"]
        except (KeyError, TypeError) as error:
            self.close()
            raise ServiceError(f"GET {url}/info lacks {error}; is this a biLM service?") from error
        except ServiceError:
            self.close()
            raise

    def __enter__(self) -> "EmbedClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def embed(self, texts: Sequence[str], options: Mapping[str, object]) -> Iterator[Vectors]:
        """The vectors of each text, in the order of the texts.

        Args:
            texts: Any number; they travel in as many requests as the limits ask for.
            options: Fields of POST /embed other than `texts`.

        Raises:
            ServiceError: the service refused, or answered from another model.
            DataError: a text cannot be sent.
        """
        # Pieces are known to the service alone. A piece is seldom less than a character; where
        # it is, and the service finds a batch too large, `_embed_batch` halves it.
        max_characters = min(REQUEST_CHARACTERS, self._max_pieces)
        waiting: deque[Future[list[Vectors]]] = deque()
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            try:
                for batch in batches(texts, self._max_texts, max_characters):
                    waiting.append(pool.submit(self._embed_batch, batch, options))
                    # Twice what is in flight, or all would stand idle behind one slow answer.
                    if len(waiting) == 2 * IN_FLIGHT:
                        yield from waiting.popleft().result()
                while waiting:
                    yield from waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def _embed_batch(self, texts: Sequence[str], options: Mapping[str, object]) -> list[Vectors]:
        try:
            answer = self._ask("POST", "/embed", {**options, "texts": texts})
        except ServiceError as error:
            if error.status != httpx.codes.REQUEST_ENTITY_TOO_LARGE or len(texts) == 1:
                raise
            half = len(texts) // 2
            first = self._embed_batch(texts[:half], options)
            return first + self._embed_batch(texts[half:], options)
        revision = answer["model"]["revision"]
        if revision != self.revision:
            raise ServiceError(
                f"{self.url} changed its model from {self.revision} to {revision} while it was"
                " asked; start again"
            )
        return decode(answer["data"], len(texts))

    def _ask(self, method: str, path: str, body: object = None) -> Json:
        waited_s = 0.0
        while True:
            response = self._send(method, path, body)
            if response.is_success:
                return _json(response)
            error = _refusal(response)
            wait_s = _retry_after_s(response)
            if wait_s is None:
                raise error
            waited_s += wait_s
            if waited_s > MAX_WAIT_S:
                raise ServiceError(
                    f"{error}; gave up, as waiting as it asks would pass {MAX_WAIT_S:.0f} s",
                    error.status,
                    error.code,
                )
            self._wait(wait_s)

    def _send(self, method: str, path: str, body: object) -> httpx.Response:
        try:
            return self._http.request(method, path, json=body)
        except UnicodeEncodeError as error:
            raise DataError(f"a text cannot be sent as UTF-8: {error.reason}") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ServiceError(
                f"{method} {self.url}{path}: {error}; is the service running there?"
            ) from error


def batches(texts: Sequence[str], max_texts: int, max_characters: int) -> Iterator[Sequence[str]]:
    """Neighbouring texts that may travel together; one too long for any batch travels alone."""
    begin, characters = 0, 0
    for end, text in enumerate(texts):
        full = end - begin == max_texts or characters + len(text) > max_characters
        if full and end > begin:
            yield texts[begin:end]
            begin, characters = end, 0
        characters += len(text)
    if begin < len(texts):
        yield texts[begin:]


def decode(data: Sequence[Json], num_texts: int) -> list[Vectors]:
    """The array of each text of an answer.

    Raises:
        ServiceError: the answer is not one array for each text.
    """
    try:
        answers = sorted(data, key=lambda answer: answer["index"])
        if [answer["index"] for answer in answers] != list(range(num_texts)):
            raise ServiceError(f"the service sent {len(answers)} vectors for {num_texts} texts")
        return [
            np.frombuffer(
                base64.b64decode(answer["embedding"], validate=True), DTYPES[answer["dtype"]]
            ).reshape(answer["shape"])
            for answer in answers
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise ServiceError(f"the service sent vectors that cannot be read: {error!r}") from error


def _retry_after_s(response: httpx.Response) -> float | None:
    """Seconds to wait before another try; None where another try would not help."""
    if response.status_code not in (
        httpx.codes.TOO_MANY_REQUESTS,
        httpx.codes.SERVICE_UNAVAILABLE,
    ):
        return None
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else DEFAULT_WAIT_S


def _json(response: httpx.Response) -> Json:
    try:
        value = response.json()
    except ValueError as error:
        raise ServiceError(
            f"{response.request.url} answered {response.status_code} without JSON; is this a biLM"
            " service?",
            response.status_code,
        ) from error
    if not isinstance(value, dict):
        raise ServiceError(f"{response.request.url} answered a {type(value).__name__}")
    return value


def _refusal(response: httpx.Response) -> ServiceError:
    status = response.status_code
    try:
        error = _json(response)["error"]
        code, message = str(error["code"]), error["message"]
    except (ServiceError, KeyError, TypeError):
        code, message = "", f"no message; is {response.request.url} a biLM service?"
    return ServiceError(f"the service answered {status} {code}: {message}", status, code)
