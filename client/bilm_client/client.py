"""The client for programs without an event loop."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import chain, islice
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
from bilm_client.call import Call, Open
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


class Client:
    """A client of one service. Use it as a context manager or close it; threads may share it.

    Every method raises NoServiceError if nothing answers at the address, RefusedError if the
    service refuses the request, ForeignAnswerError if the response is not that of a biLM
    service or if the service changed its model between two responses, and InputError if a text is
    no string.

    A client works after a fork and can be pickled. A pickle holds the arguments, and so the key if
    it was given as `api_key`; with `api_key_variable` it holds the name of the variable only.

    Args:
        url: Address of the service, such as http://127.0.0.1:8000.
        api_key: Key that is sent as a bearer token.
        api_key_variable: Instead of `api_key`: the environment variable that has the key.
        in_flight: How many requests of one call may be in flight at the same time.
        timeout_s: Seconds to wait for the next byte from the service.
        max_wait_s: Seconds that the retries of one request may take: while nothing answers, and
            while the service responds with 408, 429, 502, 503 or 504. The default is 120, and 5 as
            long as this client has had no response at all, because the address may be wrong.
        proxy: Address of a proxy; True for that of the environment (HTTP_PROXY, HTTPS_PROXY,
            ALL_PROXY, NO_PROXY), which is not used for the loopback; False for none.
        wait: Called before a retry with the seconds to wait. The default wait ends early after an
            error or an interrupt; a function given here must wait by itself.

    Raises:
        InputError: an argument is out of its range, or the address or the key cannot be used.
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
        wait: Callable[[float], object] | None = None,
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
        self._is_closed = False
        # What each process has open, by its id; after a fork there is one more.
        self._all_open: dict[int, Open] = {}
        self._open()

    def __repr__(self) -> str:
        return f"Client({self._connection.address!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (type(self), self._arguments)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, and give up whatever is in flight.

        A call of another thread raises ClosedError then: at once if it has several requests, and
        otherwise when its request would have ended.
        """
        self._is_closed = True
        ours = self._all_open.get(os.getpid())
        if ours is not None:  # after a fork the rest belongs to the parent
            for call in list(ours.calls):
                call.end()
            ours.http.close()

    def info(self) -> dict[str, Any]:
        """Return the model, its mixes and its card, every limit, and the measured speed."""
        return self._perform(operations.info(self._service))

    def embed(
        self,
        texts: Many | None = None,
        *,
        words: ManyWords | None = None,
        ids: ManyIds | None = None,
        spans: ManySpans | None = None,
        progress: bool = False,
        **options: Unpack[EmbedOptions],
    ) -> list[Embedding]:
        """Return the vectors of any number of texts, in the order of the texts.

        Args:
            texts: One text, or a list, a Series, an array or a generator of texts.
            words: Instead of `texts`: each text as a list of words, in your own segmentation.
            ids: Instead of `texts`: each text as a list of piece ids.
            spans: For each text, the spans that get a vector: `[begin, end)` in code points.
            progress: Whether to show a progress bar, which needs tqdm.
            **options: Further fields of POST /embed.

        Raises:
            InputError: not exactly one of texts, words and ids is given, it is of a kind that is
                not taken, or the number of span lists differs from the number of texts.
        """
        return self._collect(operations.embed(texts, words, ids, spans, options), progress)

    def embed_iter(
        self,
        texts: Many | None = None,
        *,
        words: ManyWords | None = None,
        ids: ManyIds | None = None,
        spans: ManySpans | None = None,
        **options: Unpack[EmbedOptions],
    ) -> Iterator[Embedding]:
        """Yield the vectors of any number of texts in their order, as the answers come.

        Texts are read as they are needed, so they may come from an endless generator. If they come
        slowly, a request waits half a second for more of them, and its vectors are yielded once the
        next text has come, because nothing else is done while a text is waited for. If a text is
        refused or the service is lost, the vectors of all texts before it are yielded first: what
        is left is `texts[n:]` after n vectors. See `embed` for the arguments.
        """
        return self._flow(operations.embed(texts, words, ids, spans, options), keeps=True)

    def word_vectors(
        self,
        texts: Many,
        word: str,
        *,
        progress: bool = False,
        **options: Unpack[EmbedOptions],
    ) -> WordVectors:
        """Return a vector for every occurrence of a word; texts without the word are not sent.

        Raises:
            ValueError: the word is empty, or it occurs in none of the texts.
        """
        places = Word(texts, word, options)
        return places.together(self._collect(places, progress))

    @staticmethod
    def center(vectors: Centred) -> Centred:
        """Return vectors without the mean of their own collection, layer by layer.

        Unlike `center=True`, which subtracts the mean of the corpus that the model was trained on
        and clips what is left, this subtracts the mean of the given vectors. Embed with
        `center=False` for it.

        Args:
            vectors: What `embed` or `word_vectors` returned, or an array `[rows, dim]` or
                `[layers, rows, dim]`.

        Raises:
            ValueError: there is no vector, or they are not of one width.
            TypeError: these are not vectors.
        """
        return center(vectors)

    def similarity(
        self, word: str, texts: Many, **options: Unpack[SimilarityOptions]
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
        texts: Many | None = None,
        *,
        words: ManyWords | None = None,
        truncate: Truncate = "error",
    ) -> list[Pieces]:
        """Return the pieces, ids and offsets that `embed` would use."""
        return self._collect(operations.tokenize(texts, words, truncate))

    def _perform(self, operation: Operation[Answer]) -> Answer:
        with self._call() as call:
            try:
                conversation = next(operation)
                while True:
                    conversation = operation.send(self._run(conversation, call))
            except StopIteration as end:
                answer: Answer = end.value
                return answer

    def _collect(self, texts: Texts[Item], progress: bool = False) -> list[Item]:
        with bar(progress, texts.num_texts) as advance:
            found = []
            for item in self._flow(texts, keeps=False):
                found.append(item)
                advance()
            return found

    def _flow(self, texts: Texts[Item], keeps: bool) -> Iterator[Item]:
        for answers in self._side_by_side(self._perform(texts.parts(self._service, keeps)), keeps):
            yield from texts.read(answers)

    def _side_by_side(
        self, conversations: Iterator[Conversation[Answer]], keeps: bool
    ) -> Iterator[Answer]:
        """Yield the answers in order, by threads of this call, so that no other call waits."""
        with self._call() as call:
            if not keeps:
                few = list(islice(conversations, 2))
                if len(few) < 2:  # needs no thread
                    yield from (self._run(conversation, call) for conversation in few)
                    return
                conversations = chain(few, conversations)
            yield from self._by_threads(conversations, keeps, call)

    def _by_threads(
        self, conversations: Iterator[Conversation[Answer]], keeps: bool, call: Call
    ) -> Iterator[Answer]:
        def start(conversation: Conversation[Answer]) -> Future[Answer]:
            return call.start(lambda: self._run(conversation, call))

        window = Window(conversations, start, self._connection.in_flight, keeps)
        try:
            while window.fill():
                if window.has_next:
                    yield window.take()
                elif call.is_over:
                    raise ClosedError
                else:
                    call.wait_for_one(window.running)
        finally:  # after an error, the remaining requests are not worth sending
            call.end()

    @contextmanager
    def _call(self) -> Iterator[Call]:
        """Begin a call, and yield it; `close` ends it if it is still going on."""
        call = Call()
        calls = self._open().calls
        calls.add(call)  # before the client is looked at, so that close misses no call
        try:
            if self._is_closed:
                raise ClosedError
            yield call
        finally:
            calls.discard(call)

    def _run(self, conversation: Conversation[Answer], call: Call) -> Answer:
        pause = self._wait or call.pause
        try:
            step = next(conversation)
            while not call.is_over:
                if isinstance(step, Wait):
                    pause(step.seconds)
                    step = conversation.send(None)
                    continue
                try:
                    response = self._send(step)
                except NoServiceError as error:
                    step = conversation.throw(error)
                else:
                    step = conversation.send(response)
        except StopIteration as end:
            answer: Answer = end.value
            return answer
        raise ClosedError

    def _send(self, send: Send) -> httpx.Response:
        http = self._open().http
        try:
            once = http.build_request(
                send.method, send.path, content=send.content, headers=send.headers
            )
            try:
                return http.send(once)
            except DROPPED:
                return http.send(once)
        except (*FAILED, RuntimeError) as error:
            if self._is_closed:
                raise ClosedError from error
            if isinstance(error, RuntimeError):
                raise
            raise self._connection.lost(once, error) from error

    def _open(self) -> Open:
        """Return what this process has open.

        There is no lock, which a fork could leave locked for ever: `setdefault` is atomic, so of
        two threads that come first one closes what it has made.
        """
        process = os.getpid()
        found = self._all_open.get(process)
        if found is None:
            made = Open(httpx.Client(**self._connection.arguments()))
            found = self._all_open.setdefault(process, made)
            if found is not made:
                made.http.close()
            for other in list(self._all_open):
                if other != process:
                    self._all_open.pop(other, None)
        return found


def _remade(kind: type[Client], arguments: dict[str, Any]) -> Client:
    return kind(**arguments)
