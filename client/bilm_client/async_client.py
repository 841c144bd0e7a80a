"""The client for programs with an event loop: the methods of `Client` as coroutines."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
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


class AsyncClient:
    """Like `Client`, but `wait` is awaited; tasks of one event loop may share a client."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        in_flight: int = IN_FLIGHT,
        timeout_s: float = TIMEOUT_S,
        max_wait_s: float = MAX_WAIT_S,
        wait: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._http = httpx.AsyncClient(**settings_of(url, api_key, in_flight, timeout_s))
        self._room = asyncio.Semaphore(in_flight)
        self._service = Service(max_wait_s)
        self._wait = wait

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def info(self) -> dict[str, Any]:
        """See `Client.info`."""
        return await self._perform(operations.info(self._service))

    async def embed(
        self,
        texts: Sequence[str] | str | None = None,
        *,
        words: Sequence[Sequence[str]] | None = None,
        ids: Sequence[Sequence[int]] | None = None,
        spans: Sequence[Sequence[Sequence[int]]] | None = None,
        progress: bool = False,
        **options: Unpack[EmbedOptions],
    ) -> list[Embedding]:
        """See `Client.embed`."""
        per_text = per_text_fields(texts, words, ids)
        operation = operations.embed(self._service, per_text, spans, options)
        return await self._perform(operation, progress)

    async def word_vectors(
        self,
        texts: Sequence[str] | str,
        word: str,
        *,
        progress: bool = False,
        **options: Unpack[EmbedOptions],
    ) -> WordVectors:
        """See `Client.word_vectors`."""
        operation = operations.word_vectors(self._service, texts, word, options)
        return await self._perform(operation, progress)

    async def similarity(
        self, word: str, texts: Sequence[str] | str, **options: Unpack[SimilarityOptions]
    ) -> Similarity:
        """See `Client.similarity`."""
        return await self._perform(operations.compare(self._service, word, texts, options))

    @overload
    async def fill(
        self, text: str, *, top_k: int = 10, num_pieces: Literal[1] = 1
    ) -> dict[str, list[Guess]]: ...

    @overload
    async def fill(
        self, text: str, *, top_k: int = 10, num_pieces: int
    ) -> dict[str, list[Guess]] | dict[str, list[Phrase]]: ...

    async def fill(
        self, text: str, *, top_k: int = 10, num_pieces: int = 1
    ) -> dict[str, list[Guess]] | dict[str, list[Phrase]]:
        """See `Client.fill`."""
        return await self._perform(operations.fill(self._service, text, top_k, num_pieces))

    async def complete(self, text: str, **options: Unpack[CompleteOptions]) -> list[Completion]:
        """See `Client.complete`."""
        return await self._perform(operations.complete(self._service, text, options))

    async def inspect(
        self, text: str, *, layer: int = 1, direction: Direction = "forward"
    ) -> Gates:
        """See `Client.inspect`."""
        return await self._perform(operations.inspect(self._service, text, layer, direction))

    async def tokenize(
        self,
        texts: Sequence[str] | str | None = None,
        *,
        words: Sequence[Sequence[str]] | None = None,
    ) -> list[Pieces]:
        """See `Client.tokenize`."""
        per_text = per_text_fields(texts, words)
        return await self._perform(operations.tokenize(self._service, per_text))

    async def _perform(self, operation: Operation[Answer], progress: bool = False) -> Answer:
        try:
            conversations = next(operation)
            while True:
                conversations = operation.send(await self._side_by_side(conversations, progress))
        except StopIteration as end:
            answer: Answer = end.value
            return answer

    async def _side_by_side(
        self, conversations: Sequence[Conversation[Any]], progress: bool
    ) -> list[Any]:
        with bar(progress, len(conversations)) as advance:

            async def run(conversation: Conversation[Any]) -> Any:
                async with self._room:
                    answer = await self._run(conversation)
                advance()
                return answer

            running = [asyncio.create_task(run(conversation)) for conversation in conversations]
            try:
                return await asyncio.gather(*running)
            finally:  # after an error, the remaining requests are not worth sending
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)

    async def _run(self, conversation: Conversation[Answer]) -> Answer:
        try:
            step = next(conversation)
            while True:
                if isinstance(step, Wait):
                    await self._wait(step.seconds)
                    step = conversation.send(None)
                else:
                    step = conversation.send(await self._send(step))
        except StopIteration as end:
            answer: Answer = end.value
            return answer

    async def _send(self, send: Send) -> httpx.Response:
        once = self._http.build_request(
            send.method, send.path, content=send.content, headers=send.headers
        )
        try:
            try:
                return await self._http.send(once)
            except DROPPED:
                return await self._http.send(once)
        except FAILED as error:
            raise lost(once, error) from error
