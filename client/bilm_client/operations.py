"""The methods of the client as generators, independent of how requests are sent.

An operation yields a list of conversations that may run at the same time, and is sent the list of
their answers in the same order. Its return value is the result of the method. `Client` runs the
conversations on threads, `AsyncClient` in tasks; everything else is here:

    (found,) = yield [ask_json(Send("GET", "/info"), max_wait_s)]
    return found
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, TypeVar

import numpy as np

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
    cut,
    gates,
    guesses,
    phrases,
    read_answer,
    similarity,
)
from bilm_client.conversation import Conversation, Send, ask_json, ask_vectors, check_one_model
from bilm_client.requests import Request, per_text_fields, places_of, split

Direction = Literal["forward", "backward"]
Answer = TypeVar("Answer")
Operation = Generator[Sequence[Conversation[Any]], list[Any], Answer]


class SimilarityOptions(TypedDict, total=False):
    """Fields of /similarity; the service has a default for each."""

    mix: str | Mapping[str, Any]
    center: bool


class EmbedOptions(SimilarityOptions, total=False):
    """Fields of /embed; the service has a default for each."""

    level: Literal["piece", "char", "word", "span", "text"]
    pooling: Literal["mean", "max", "first", "last"]
    layers: Literal["all", "context"] | Sequence[int | Literal["context"]]
    normalize: bool
    dtype: Literal["float32", "float16"]
    truncate: Literal["error", "right", "left"]


class CompleteOptions(TypedDict, total=False):
    """Fields of /complete; the service has a default for each."""

    max_pieces: int
    strategy: Literal["greedy", "sample", "beam"]
    temperature: float
    top_k: int
    seed: int
    num_beams: int
    num_completions: int


@dataclass
class Service:
    """What the client knows about the service.

    Args:
        max_wait_s: Seconds to wait in total over the retries of one request.
        max_texts: The most texts that a request may have; None until /info has been read.
    """

    max_wait_s: float
    max_texts: int | None = None


def info(service: Service) -> Operation[dict[str, Any]]:
    """Return the response of /info."""
    found: dict[str, Any]
    (found,) = yield [ask_json(Send("GET", "/info"), service.max_wait_s)]
    service.max_texts = read_answer(lambda: int(found["limits"]["max_texts"]))
    return found


def embed(
    service: Service,
    per_text: Mapping[str, Sequence[Any]],
    spans: Sequence[Sequence[Sequence[int]]] | None,
    options: EmbedOptions,
    numbers: Sequence[int] = (),
) -> Operation[list[Embedding]]:
    """Return the vectors of any number of texts.

    `numbers` has, for each text, its index among all texts that the caller gave; errors use it.
    """
    others: dict[str, Any] = dict(options)
    (texts,) = per_text.values()
    if spans is not None:
        if len(spans) != len(texts):
            raise ValueError(
                f"there are spans for {len(spans)} of {len(texts)} texts; give a list for each"
            )
        per_text = {**per_text, "spans": list(spans)}
        others.setdefault("level", "span")
    request = Request("/embed", per_text, others, numbers or range(len(texts)))
    parts = yield from _parts(service, request)
    answers = yield [ask_vectors(part, service.max_wait_s) for part in parts]
    check_one_model({revision for revision, _ in answers})
    return [embedding for _, found in answers for embedding in found]


def word_vectors(
    service: Service, texts: Sequence[str] | str, word: str, options: EmbedOptions
) -> Operation[WordVectors]:
    """Return a vector for every occurrence of a word."""
    (texts,) = per_text_fields(texts).values()
    places = {number: places_of(word, text) for number, text in enumerate(texts)}
    places = {number: found for number, found in places.items() if found}
    if not places:
        raise ValueError(
            f"{word!r} occurs in none of the {len(texts)} texts; leave them out, or change the word"
        )
    some = {"texts": [texts[number] for number in places]}
    found = yield from embed(service, some, list(places.values()), options, list(places))
    occurrences = (Occurrence(text, *place) for text, marks in places.items() for place in marks)
    vectors = np.concatenate([embedding.vectors for embedding in found], axis=-2)
    return WordVectors(vectors, tuple(occurrences))


def tokenize(service: Service, per_text: Mapping[str, Sequence[Any]]) -> Operation[list[Pieces]]:
    """Return the pieces of any number of texts."""
    (texts,) = per_text.values()
    parts = yield from _parts(service, Request("/tokenize", per_text, {}, range(len(texts))))
    answers = yield [
        ask_json(Send("POST", part.path, part.body), service.max_wait_s, part.numbers)
        for part in parts
    ]
    return read_answer(lambda: [pieces for answer in answers for pieces in cut(answer)])


def compare(
    service: Service, word: str, texts: Sequence[str] | str, options: SimilarityOptions
) -> Operation[Similarity]:
    """Return the cosines between the occurrences of a word."""
    per_text = per_text_fields(texts)
    send = Send("POST", "/similarity", {"word": word, **per_text, **options})
    numbers = range(len(per_text["texts"]))
    (found,) = yield [ask_json(send, service.max_wait_s, numbers)]
    return read_answer(lambda: similarity(found))


def fill(
    service: Service, text: str, top_k: int, num_pieces: int
) -> Operation[dict[str, list[Guess]] | dict[str, list[Phrase]]]:
    """Return what may fill a blank."""
    body = {"text": text, "top_k": top_k, "num_pieces": num_pieces}
    (found,) = yield [ask_json(Send("POST", "/fill", body), service.max_wait_s)]
    return read_answer(lambda: guesses(found) if num_pieces == 1 else phrases(found))


def complete(service: Service, text: str, options: CompleteOptions) -> Operation[list[Completion]]:
    """Return completions of a text."""
    body = {"text": text, **options}
    (found,) = yield [ask_json(Send("POST", "/complete", body), service.max_wait_s)]
    return read_answer(lambda: completions(found))


def inspect(service: Service, text: str, layer: int, direction: Direction) -> Operation[Gates]:
    """Return the gates and cells of a text."""
    body = {"text": text, "layer": layer, "direction": direction}
    (found,) = yield [ask_json(Send("POST", "/inspect", body), service.max_wait_s)]
    return read_answer(lambda: gates(found))


def _parts(service: Service, request: Request) -> Operation[list[Request]]:
    if service.max_texts is None:
        yield from info(service)
    assert service.max_texts is not None, "info reports it; this is a bug"
    return list(split(request, service.max_texts))
