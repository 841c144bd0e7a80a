"""The client for programs with an event loop: the methods of `Client` as coroutines."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
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
from bilm_client.centring import Centred, center
from bilm_client.connection import DROPPED, FAILED, IN_FLIGHT, TIMEOUT_S, Connection
from bilm_client.conversation import Conversation, Send, Wait
from bilm_client.errors import ClosedError, NoServiceError
from bilm_client.inputs import Many, ManyIds, ManySpans, ManyWords
from bilm_client.keys import Address
from bilm_client.operations import (
    CompleteOptions,
    Direction,
    EmbedOptions,
    Operation,
    SimilarityOptions,
    Texts,
    Truncate,
    Word,
)
from bilm_client.progress import bar
from bilm_client.service import Service
from bilm_client.window import Window

Answer = TypeVar("Answer")
Item = TypeVar("Item")


class AsyncClient:
    """Like `Client`, but `wait` is awaited; tasks may share a client.

    A client works in several event loops, at the same time too, after a fork, and from a pickle.
    Each loop has connections of its own, and `close` closes those of the running one.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        api_key_variable: str | None = None,
        in_flight: int = IN_FLIGHT,
        timeout_s: float = TIMEOUT_S,
        max_wait_s: float | None = None,
        proxy: str | bool = True,
        wait: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._connection = Connection.of(
            url, api_key, api_key_variable, proxy, in_flight, timeout_s
        )
        self._arguments = {
            "url": self._connection.address,
            "api_key": None if api_key_variable else self._connection.key,
            "api_key_variable": api_key_variable,
            "in_flight": in_flight,
            "timeout_s": timeout_s,
            "max_wait_s": max_wait_s,
            "proxy": Address(proxy) if isinstance(proxy, str) else proxy,
            "wait": wait,
        }
        self._service = Service(max_wait_s)
        self._wait = wait
        # The connections of each loop, by the process and the loop that they belong to.
        self._https: dict[tuple[int, asyncio.AbstractEventLoop], httpx.AsyncClient] = {}

    def __repr__(self) -> str:
        return f"AsyncClient({self._connection.address!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (type(self), self._arguments)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections of the running event loop, whose calls then end."""
        await self._http().aclose()

    async def info(self) -> dict[str, Any]:
        """See `Client.info`."""
        return await self._perform(operations.info(self._service))

    async def embed(
        self,
        texts: Many | None = None,
        *,
        words: ManyWords | None = None,
        ids: ManyIds | None = None,
        spans: ManySpans | None = None,
        progress: bool = False,
        **options: Unpack[EmbedOptions],
    ) -> list[Embedding]:
        """See `Client.embed`."""
        return await self._collect(operations.embed(texts, words, ids, spans, options), progress)

    def embed_iter(
        self,
        texts: Many | None = None,
        *,
        words: ManyWords | None = None,
        ids: ManyIds | None = None,
        spans: ManySpans | None = None,
        **options: Unpack[EmbedOptions],
    ) -> AsyncIterator[Embedding]:
        """See `Client.embed_iter`; `async for` goes through what this returns.

        The texts are read in the event loop, so reading one must not wait for anything.
        """
        return self._flow(operations.embed(texts, words, ids, spans, options), keeps=True)

    async def word_vectors(
        self,
        texts: Many,
        word: str,
        *,
        progress: bool = False,
        **options: Unpack[EmbedOptions],
    ) -> WordVectors:
        """See `Client.word_vectors`."""
        places = Word(texts, word, options)
        return places.together(await self._collect(places, progress))

    @staticmethod
    def center(vectors: Centred) -> Centred:
        """See `Client.center`; nothing is awaited."""
        return center(vectors)

    async def similarity(
        self, word: str, texts: Many, **options: Unpack[SimilarityOptions]
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
        texts: Many | None = None,
        *,
        words: ManyWords | None = None,
        truncate: Truncate = "error",
    ) -> list[Pieces]:
        """See `Client.tokenize`."""
        return await self._collect(operations.tokenize(texts, words, truncate))

    async def _perform(self, operation: Operation[Answer]) -> Answer:
        try:
            conversation = next(operation)
            while True:
                conversation = operation.send(await self._run(conversation))
        except StopIteration as end:
            answer: Answer = end.value
            return answer

    async def _collect(self, texts: Texts[Item], progress: bool = False) -> list[Item]:
        with bar(progress, texts.num_texts) as advance:
            found = []
            async for item in self._flow(texts, keeps=False):
                found.append(item)
                advance()
            return found

    async def _flow(self, texts: Texts[Item], keeps: bool) -> AsyncIterator[Item]:
        parts = await self._perform(texts.parts(self._service, keeps))
        async with aclosing(self._side_by_side(parts, keeps)) as found:
            async for answers in found:
                for item in texts.read(answers):
                    yield item

    async def _side_by_side(
        self, conversations: Iterator[Conversation[Answer]], keeps: bool
    ) -> AsyncGenerator[Answer]:
        """Yield the answers in order; each call has requests of its own in flight."""

        def start(conversation: Conversation[Answer]) -> asyncio.Task[Answer]:
            return asyncio.create_task(self._run(conversation))

        window = Window(conversations, start, self._connection.in_flight, keeps)
        try:
            while window.fill():
                if window.has_next:
                    yield window.take()
                else:
                    await asyncio.wait(window.running, return_when=asyncio.FIRST_COMPLETED)
        finally:  # after an error, the remaining requests are not worth sending
            window.cancel()
            await asyncio.gather(*window.running, return_exceptions=True)

    async def _run(self, conversation: Conversation[Answer]) -> Answer:
        try:
            step = next(conversation)
            while True:
                if isinstance(step, Wait):
                    await self._wait(step.seconds)
                    step = conversation.send(None)
                    continue
                try:
                    response = await self._send(step)
                except NoServiceError as error:
                    step = conversation.throw(error)
                else:
                    step = conversation.send(response)
        except StopIteration as end:
            answer: Answer = end.value
            return answer

    async def _send(self, send: Send) -> httpx.Response:
        http = self._http()
        try:
            once = http.build_request(
                send.method, send.path, content=send.content, headers=send.headers
            )
            try:
                return await http.send(once)
            except DROPPED:
                return await http.send(once)
        except (*FAILED, RuntimeError) as error:
            if http.is_closed:
                raise ClosedError from error
            if isinstance(error, RuntimeError):
                raise
            raise self._connection.lost(once, error) from error

    def _http(self) -> httpx.AsyncClient:
        """Return the connections of this process and the running loop."""
        owner = os.getpid(), asyncio.get_running_loop()
        found = self._https.get(owner)
        if found is None:
            for process, loop in list(self._https):
                if process != owner[0] or loop.is_closed():
                    self._https.pop((process, loop), None)
            found = self._https[owner] = httpx.AsyncClient(**self._connection.arguments())
        return found


def _remade(kind: type[AsyncClient], arguments: dict[str, Any]) -> AsyncClient:
    return kind(**arguments)
