"""The methods of the client as generators, independent of how requests are sent.

An operation yields a conversation, and is sent its answer. Its return value is the result of the
method, or an iterator of conversations for the parts of many texts. `Client` runs those on threads,
`AsyncClient` in tasks; everything else is here:

    found = yield ask_json(Send("GET", "/info"), service)
    return found
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Sized
from itertools import islice, zip_longest
from typing import Any, Generic, Literal, TypedDict, TypeVar

import numpy as np

from bilm_client import inputs
from bilm_client.answers import (
    Completion,
    Embedding,
    Gates,
    Guess,
    Occurrence,
    Phrase,
    Pieces,
    Similarity,
    WordVectors,
    completions,
    gates,
    guesses,
    phrases,
    read_answer,
    similarity,
)
from bilm_client.conversation import (
    PIECES,
    VECTORS,
    Answers,
    Conversation,
    Reader,
    Send,
    ask_json,
    ask_texts,
    check_one_model,
)
from bilm_client.errors import InputError, RefusedError
from bilm_client.requests import Entry, check_length, places_of, split, to_json
from bilm_client.service import Service

Direction = Literal["forward", "backward"]
Truncate = Literal["error", "right", "left"]
Answer = TypeVar("Answer")
Item = TypeVar("Item")
Operation = Generator[Conversation[Any], Any, Answer]

# A text of at most this many characters fits into the body of any service, whatever its limits.
SHORT_CHARACTERS = 1024
# No service takes more texts in a request.
MOST_TEXTS = 1 << 31


class SimilarityOptions(TypedDict, total=False):
    """Fields of /similarity; the service has a default for each, for which None stands, too."""

    mix: str | Mapping[str, Any]
    center: bool


class EmbedOptions(SimilarityOptions, total=False):
    """Fields of /embed; the service has a default for each."""

    level: Literal["piece", "char", "word", "span", "text"]
    pooling: Literal["mean", "max", "first", "last"]
    layers: Literal["all", "context"] | Sequence[int | Literal["context"]]
    normalize: bool
    dtype: Literal["float32", "float16"]
    truncate: Truncate


class CompleteOptions(TypedDict, total=False):
    """Fields of /complete; the service has a default for each."""

    max_pieces: int
    strategy: Literal["greedy", "sample", "beam"]
    temperature: float
    top_k: int
    seed: int
    num_beams: int
    num_completions: int


class Texts(Generic[Item]):
    """Many texts, to be sent in parts, and their answers, to be put together.

    Args:
        path: Path of the service.
        entries: The texts with their numbers.
        others: The fields that are the same for all texts.
        reader: How responses are read.
        num_texts: How many texts there are; None where that is seen at their end only.
    """

    def __init__(
        self,
        path: str,
        entries: Iterable[Entry],
        others: Mapping[str, Any],
        reader: Reader[Item],
        num_texts: int | None,
    ) -> None:
        self.num_texts = num_texts
        self._path = path
        self._entries = entries
        self._others = others
        self._reader = reader
        self._revisions: set[str | None] = set()

    def parts(
        self, service: Service, keeps: bool
    ) -> Operation[Iterator[Conversation[Answers[Item]]]]:
        """Return a conversation for each part; the texts are read as these are taken."""
        yield from _know_limits(service)
        requests = split(self._path, self.entries(service), self._others, service)
        return (ask_texts(request, service, self._reader, keeps) for request in requests)

    def entries(self, service: Service) -> Iterable[Entry]:
        """Return the texts with their numbers."""
        return self._entries

    def read(self, answers: Answers[Item]) -> Iterator[Item]:
        """Yield what one part has, then raise its error if it has one.

        Raises:
            ForeignAnswerError: this part is from another model than an earlier one.
        """
        self._revisions.add(answers.revision)
        check_one_model(self._revisions)
        yield from answers.found
        if answers.error is not None:
            raise answers.error


def info(service: Service) -> Operation[dict[str, Any]]:
    """Return the response of /info."""
    found: dict[str, Any] = yield ask_json(Send("GET", "/info"), service)
    service.max_texts = read_answer(lambda: _max_texts(found["limits"]))
    max_body_bytes = found["limits"].get("max_body_bytes")
    service.max_body_bytes = max_body_bytes if type(max_body_bytes) is int else None
    return found


def _max_texts(limits: Mapping[str, Any]) -> int:
    number = int(limits["max_texts"])
    if not 0 < number <= MOST_TEXTS:
        raise ValueError(f"max_texts is not one of 1 to {MOST_TEXTS}")
    return number


def embed(texts: Any, words: Any, ids: Any, spans: Any, options: EmbedOptions) -> Texts[Embedding]:
    """Return the texts of a request for vectors, checked as far as they can be now."""
    name, given = inputs.single_source(texts=texts, words=words, ids=ids)
    entries = READERS[name](given)
    num_texts = len(entries) if isinstance(entries, Sized) else None
    others = _given(options)
    if spans is None:
        rows = ({name: entry} for entry in entries)
    else:
        others.setdefault("level", "span")
        rows = ({name: entry, "spans": places} for entry, places in _paired(entries, spans))
    return Texts("/embed", enumerate(rows), others, VECTORS, num_texts)


def tokenize(texts: Any, words: Any, truncate: Truncate) -> Texts[Pieces]:
    """Return the texts of a request for pieces, checked as far as they can be now."""
    name, given = inputs.single_source(texts=texts, words=words)
    entries = READERS[name](given)
    num_texts = len(entries) if isinstance(entries, Sized) else None
    rows = ({name: entry} for entry in entries)
    return Texts("/tokenize", enumerate(rows), {"truncate": truncate}, PIECES, num_texts)


class Word(Texts[Embedding]):
    """The texts that have a word, and the places where it stands in them.

    Args:
        texts: All texts; those without the word are not sent.
        word: The word.
        options: Further fields of the request.
    """

    def __init__(self, texts: Any, word: Any, options: EmbedOptions) -> None:
        self._word = inputs.one_text(word, "word")
        places_of(self._word, "")  # refuses an empty word
        self._texts = inputs.texts_of(texts)
        self._num_read = 0
        self._occurrences: list[Occurrence] = []
        others = {"level": "span", **_given(options)}
        super().__init__("/embed", (), others, VECTORS, None)

    def entries(self, service: Service) -> Iterator[Entry]:
        """Yield the texts that have the word, with the places where it stands."""
        for number, text in enumerate(self._texts):
            self._num_read = number + 1
            if self._word in text:
                check_length(len(text), number, service)
                places = places_of(self._word, text)
                self._occurrences += [Occurrence(number, *place) for place in places]
                yield number, {"texts": text, "spans": places}

    def together(self, found: Sequence[Embedding]) -> WordVectors:
        """Return the vectors of all occurrences.

        Raises:
            ValueError: the word occurs in none of the texts.
        """
        if not found:
            raise ValueError(
                f"{self._word!r} occurs in none of the {self._num_read} texts; leave them out, or"
                " change the word"
            )
        vectors = np.concatenate([embedding.vectors for embedding in found], axis=-2)
        ends = np.cumsum([embedding.vectors.shape[-2] for embedding in found])
        begins = [0, *ends[:-1]]
        empty_rows = np.concatenate(
            [embedding.empty_rows + begin for embedding, begin in zip(found, begins, strict=True)]
        )
        return WordVectors(vectors, tuple(self._occurrences), empty_rows)


def compare(
    service: Service, word: Any, texts: Any, options: SimilarityOptions
) -> Operation[Similarity]:
    """Return the cosines between the occurrences of a word; all texts go into one request."""
    fields = {"word": inputs.one_text(word, "word"), **_given(options)}
    entries = inputs.texts_of(texts)
    yield from _know_limits(service)
    assert service.max_texts is not None, "info reports it; this is a bug"
    some = list(islice(entries, service.max_texts + 1))
    if len(some) > service.max_texts:
        raise RefusedError(
            413,
            "too_many_texts",
            f"the comparison has more than {service.max_texts} texts, which is the limit"
            " (max_texts); send fewer",
            "texts",
        )
    check_length(sum(map(len, some)), None, service)
    send = Send("POST", "/similarity", to_json({**fields, "texts": some}))
    found = yield ask_json(send, service, range(len(some)))
    return read_answer(lambda: similarity(found))


def fill(
    service: Service, text: Any, top_k: int, num_pieces: int
) -> Operation[dict[str, list[Guess]] | dict[str, list[Phrase]]]:
    """Return what may fill a blank."""
    fields = {"top_k": top_k, "num_pieces": num_pieces}
    found = yield from _ask_about("/fill", text, fields, service)
    is_one = num_pieces in (None, 1)
    return read_answer(lambda: guesses(found) if is_one else phrases(found))


def complete(service: Service, text: Any, options: CompleteOptions) -> Operation[list[Completion]]:
    """Return completions of a text."""
    found = yield from _ask_about("/complete", text, options, service)
    return read_answer(lambda: completions(found))


def inspect(service: Service, text: Any, layer: int, direction: Direction) -> Operation[Gates]:
    """Return the gates and cells of a text."""
    fields = {"layer": layer, "direction": direction}
    found = yield from _ask_about("/inspect", text, fields, service)
    return read_answer(lambda: gates(found))


def _ask_about(
    path: str, text: Any, fields: Mapping[str, Any], service: Service
) -> Operation[dict[str, Any]]:
    """Return the response to a request about one text."""
    text = inputs.one_text(text)
    if len(text) > SHORT_CHARACTERS:
        yield from _know_limits(service)
        check_length(len(text), None, service)
    send = Send("POST", path, to_json({"text": text, **_given(fields)}))
    found: dict[str, Any] = yield ask_json(send, service)
    return found


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options but those that are None, which stands for the default of the service."""
    return {name: value for name, value in options.items() if value is not None}


def _know_limits(service: Service) -> Operation[None]:
    if service.max_texts is None:
        yield from info(service)


def _paired(entries: Iterable[Any], spans: Any) -> Iterable[tuple[Any, list[list[int]]]]:
    places = inputs.spans_of(spans)
    if isinstance(entries, Sized) and isinstance(places, Sized) and len(entries) != len(places):
        raise InputError(
            f"there are spans for {len(places)} of {len(entries)} texts; give a list for each"
        )
    return _pairs(entries, places)


def _pairs(entries: Iterable[Item], places: Iterable[Answer]) -> Iterator[tuple[Item, Answer]]:
    nothing: Any = object()
    for number, pair in enumerate(zip_longest(entries, places, fillvalue=nothing)):
        if nothing in pair:
            fewer = "text" if pair[0] is nothing else "list of spans"
            raise InputError(f"there is no {fewer} {number}; give a list of spans for each text")
        yield pair


READERS: Mapping[str, Callable[[Any], Iterable[Any]]] = {
    "texts": inputs.texts_of,
    "words": inputs.words_of,
    "ids": inputs.ids_of,
}
