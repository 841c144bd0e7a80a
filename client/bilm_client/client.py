"""The client for programs without an event loop."""

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from threading import Event
from typing import Any, Literal, Self, TypeVar, Unpack, overload

import httpx

from bilm_client import operations
from bilm_client.answers import (
    Completion,
    Embedding,
    Gates,
    Guess,
    Phrase,
    Pieces,
    Similarity,
    WordVectors,
)
from bilm_client.connection import (
    DROPPED,
    FAILED,
    IN_FLIGHT,
    MAX_WAIT_S,
    TIMEOUT_S,
    lost,
    settings_of,
)
from bilm_client.conversation import Conversation, Send, Wait
from bilm_client.operations import (
    CompleteOptions,
    Direction,
    EmbedOptions,
    Operation,
    Service,
    SimilarityOptions,
)
from bilm_client.progress import bar
from bilm_client.requests import per_text_fields

Answer = TypeVar("Answer")


class Client:
    """A client of one service. Use it as a context manager or close it; threads may share it.

    Every method raises NoServiceError if nothing answers at the address, RefusedError if the
    service refuses the request, and ForeignAnswerError if the response is not that of a biLM
    service, or if the service changed its model between two responses.

    Args:
        url: Address of the service.
        api_key: Key that is sent as a bearer token.
        in_flight: How many requests may be in flight at the same time.
        timeout_s: Seconds to wait for the next byte from the service.
        max_wait_s: Seconds to wait in total over the retries of one request, while the service
            responds with 429 or 503.
        wait: Called before a retry with the seconds to wait. The default wait ends early after an
            error or an interrupt; a function given here must wait by itself.

    Raises:
        ValueError: in_flight is below 1.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        in_flight: int = IN_FLIGHT,
        timeout_s: float = TIMEOUT_S,
        max_wait_s: float = MAX_WAIT_S,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._http = httpx.Client(**settings_of(url, api_key, in_flight, timeout_s))
        self._threads = ThreadPoolExecutor(in_flight, "bilm-client")
        self._service = Service(max_wait_s)
        self._wait = wait

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Wait for the requests in flight and close the connections."""
        self._threads.shutdown(cancel_futures=True)
        self._http.close()

    def info(self) -> dict[str, Any]:
        """Return the model, its mixes and its card, every limit, and the measured speed."""
        return self._perform(operations.info(self._service))

    def embed(
        self,
        texts: Sequence[str] | str | None = None,
        *,
        words: Sequence[Sequence[str]] | None = None,
        ids: Sequence[Sequence[int]] | None = None,
        spans: Sequence[Sequence[Sequence[int]]] | None = None,
        progress: bool = False,
        **options: Unpack[EmbedOptions],
    ) -> list[Embedding]:
        """Return the vectors of any number of texts, in the order of the texts.

        Args:
            texts: One text or a list of texts.
            words: Instead of `texts`: each text as a list of words, in your own segmentation.
            ids: Instead of `texts`: each text as a list of piece ids.
            spans: For each text, the spans that get a vector: `[begin, end)` in code points.
            progress: Whether to show a progress bar, which needs tqdm.
            **options: Further fields of POST /embed.

        Raises:
            ValueError: not exactly one of texts, words and ids is given, or the number of span
                lists differs from the number of texts.
        """
        per_text = per_text_fields(texts, words, ids)
        return self._perform(operations.embed(self._service, per_text, spans, options), progress)

    def word_vectors(
        self,
        texts: Sequence[str] | str,
        word: str,
        *,
        progress: bool = False,
        **options: Unpack[EmbedOptions],
    ) -> WordVectors:
        """Return a vector for every occurrence of a word; texts without the word are not sent.

        Raises:
            ValueError: the word is empty, or it occurs in none of the texts.
        """
        operation = operations.word_vectors(self._service, texts, word, options)
        return self._perform(operation, progress)

    def similarity(
        self, word: str, texts: Sequence[str] | str, **options: Unpack[SimilarityOptions]
    ) -> Similarity:
        """Return the cosines between the occurrences of a word: by layer, by context and by mix.

        All texts are sent in one request.
        """
        return self._perform(operations.compare(self._service, word, texts, options))

    @overload
    def fill(
        self, text: str, *, top_k: int = 10, num_pieces: Literal[1] = 1
    ) -> dict[str, list[Guess]]: ...

    @overload
    def fill(
        self, text: str, *, top_k: int = 10, num_pieces: int
    ) -> dict[str, list[Guess]] | dict[str, list[Phrase]]: ...

    def fill(
        self, text: str, *, top_k: int = 10, num_pieces: int = 1
    ) -> dict[str, list[Guess]] | dict[str, list[Phrase]]:
        """Return what may fill a blank, as in 我爱____, by side: `forward`, `backward`, `cloze`.

        Args:
            text: The text, with one blank of two or more underscores.
            top_k: How many guesses to return for each side.
            num_pieces: How many pieces fill the blank. With more than one, phrases are returned.
        """
        return self._perform(operations.fill(self._service, text, top_k, num_pieces))

    def complete(self, text: str, **options: Unpack[CompleteOptions]) -> list[Completion]:
        """Return completions of a text: one, or as many as `num_completions` says.

        Args:
            text: The beginning that is completed.
            **options: Further fields of POST /complete.
        """
        return self._perform(operations.complete(self._service, text, options))

    def inspect(self, text: str, *, layer: int = 1, direction: Direction = "forward") -> Gates:
        """Return the gates and cells of one layer; the service must have /inspect turned on."""
        return self._perform(operations.inspect(self._service, text, layer, direction))

    def tokenize(
        self,
        texts: Sequence[str] | str | None = None,
        *,
        words: Sequence[Sequence[str]] | None = None,
    ) -> list[Pieces]:
        """Return the pieces, ids and offsets that `embed` would use."""
        per_text = per_text_fields(texts, words)
        return self._perform(operations.tokenize(self._service, per_text))

    def _perform(self, operation: Operation[Answer], progress: bool = False) -> Answer:
        try:
            conversations = next(operation)
            while True:
                conversations = operation.send(self._side_by_side(conversations, progress))
        except StopIteration as end:
            answer: Answer = end.value
            return answer

    def _side_by_side(
        self, conversations: Sequence[Conversation[Any]], progress: bool
    ) -> list[Any]:
        is_over = Event()
        running = [self._threads.submit(self._run, one, is_over) for one in conversations]
        try:
            with bar(progress, len(running)) as advance:
                for done in as_completed(running):
                    done.result()
                    advance()
        finally:  # after an error, the remaining requests are not worth sending
            is_over.set()
            for future in running:
                future.cancel()
        return [future.result() for future in running]

    def _run(self, conversation: Conversation[Answer], is_over: Event) -> Answer:
        wait = self._wait or is_over.wait
        try:
            step = next(conversation)
            while not is_over.is_set():
                if isinstance(step, Wait):
                    wait(step.seconds)
                    step = conversation.send(None)
                else:
                    step = conversation.send(self._send(step))
        except StopIteration as end:
            answer: Answer = end.value
            return answer
        raise CancelledError

    def _send(self, send: Send) -> httpx.Response:
        once = self._http.build_request(
            send.method, send.path, content=send.content, headers=send.headers
        )
        try:
            try:
                return self._http.send(once)
            except DROPPED:
                return self._http.send(once)
        except FAILED as error:
            raise lost(once, error) from error
