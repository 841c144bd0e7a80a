"""Split a caller's texts into requests of a size that the service accepts."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bilm_client.errors import InputError, RefusedError
from bilm_client.service import Service

# About one micro-batch of the service. Its queue has room for some seconds of work and admits a
# request whole or not at all, so several small requests may fit where a large one is refused.
REQUEST_CHARACTERS = 4096
# A request waits no longer than this for further texts. A reader hardly notices it, and a source
# that is not slow fills a request in less.
SLOW_S = 0.5

# A text with its index among all that the caller gave, and the fields that it has.
Entry = tuple[int, Mapping[str, Any]]


@dataclass(frozen=True)
class Request:
    """A request for some of the caller's texts.

    Args:
        path: Path of the service.
        per_text: The fields that have an entry for each text.
        others: The other fields.
        numbers: For each text of the request, its index among all texts that the caller gave.
    """

    path: str
    per_text: Mapping[str, Sequence[Any]]
    others: Mapping[str, Any]
    numbers: Sequence[int]

    @property
    def body(self) -> dict[str, Any]:
        """All fields of the request body."""
        return {**self.others, **self.per_text}

    @property
    def content(self) -> bytes:
        """The request body as JSON.

        Raises:
            InputError: a field cannot be sent; it has the number of a text that is no Unicode.
        """
        try:
            return to_json(self.body)
        except InputError:
            for place, number in enumerate(self.numbers):
                some = {name: entries[place] for name, entries in self.per_text.items()}
                _check_unicode(some, number)
            raise

    @property
    def num_texts(self) -> int:
        """Number of texts in the request."""
        return len(self.numbers)

    def halves(self) -> tuple["Request", "Request"]:
        """Return two requests, each with half of the texts."""
        middle = self.num_texts // 2
        return self.part(0, middle), self.part(middle, self.num_texts)

    def part(self, begin: int, end: int) -> "Request":
        """Return a request with the texts from `begin` up to `end`."""
        some = {name: entries[begin:end] for name, entries in self.per_text.items()}
        return replace(self, per_text=some, numbers=self.numbers[begin:end])


def split(
    path: str,
    entries: Iterable[Entry],
    others: Mapping[str, Any],
    service: Service,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Request]:
    """Yield requests of at most `max_texts` texts and about a micro-batch, in order of the texts.

    The entries are read as the requests are needed. If they come slowly, a request has those that
    came within SLOW_S, and the one that came then. If reading one fails, those before it are
    yielded before the exception is raised again.

    Only the service knows how many pieces a text has, but a piece is seldom less than a character.
    If it is, and the service refuses a request as too large, `ask_texts` halves it.

    Raises:
        RefusedError: a text is longer than a body may be.
    """
    some: list[Entry] = []
    characters = 0
    began = clock()
    try:
        for number, fields in entries:
            length = _length(next(iter(fields.values())))
            check_length(length, number, service)
            if some and (
                len(some) == service.max_texts or characters + length > REQUEST_CHARACTERS
            ):
                yield _request(path, some, others)
                some, characters, began = [], 0, clock()
            some.append((number, fields))
            characters += length
            if clock() - began >= SLOW_S:
                yield _request(path, some, others)
                some, characters, began = [], 0, clock()
    except Exception:  # whatever the caller's iterator raises
        if some:
            yield _request(path, some, others)
        raise
    if some:
        yield _request(path, some, others)


def check_length(length: int, number: int | None, service: Service) -> None:
    """Refuse a text that fits into no body, before it is copied for one.

    Raises:
        RefusedError: it has more characters than a body may have bytes.
    """
    if service.max_body_bytes is not None and length > service.max_body_bytes:
        name = "the text" if number is None else f"text {number}"
        raise RefusedError(
            413,
            "body_too_large",
            f"{name} has the length {length}; a request body has at most {service.max_body_bytes}"
            " bytes (max_body_bytes); split the text",
            "text" if number is None else "texts",
            number,
        )


def to_json(fields: Mapping[str, Any]) -> bytes:
    """Return a request body; arrays become lists.

    Raises:
        InputError: a field is of a kind that JSON does not have, or a text is no Unicode.
    """
    try:
        text = json.dumps(fields, ensure_ascii=False, allow_nan=False, default=_as_list)
    except InputError:
        raise
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"a field cannot be sent as JSON: {error}; give strings, finite numbers, lists and"
            " dicts"
        ) from error
    try:
        return text.encode()
    except UnicodeEncodeError:  # the exception holds the whole text
        raise InputError(
            "a text has half of a surrogate pair, which is no Unicode (surrogates not allowed);"
            ' decode its source with errors="replace"'
        ) from None


def _request(path: str, some: Sequence[Entry], others: Mapping[str, Any]) -> Request:
    names = some[0][1]
    per_text = {name: [fields[name] for _, fields in some] for name in names}
    return Request(path, per_text, others, [number for number, _ in some])


def _length(text: str | Sequence[str] | Sequence[int]) -> int:
    """Return the number of characters in a text, or of pieces if it is given as ids."""
    if isinstance(text, str):
        return len(text)
    return sum(len(part) if isinstance(part, str) else 1 for part in text)


def _check_unicode(fields: Mapping[str, Any], number: int) -> None:
    try:
        to_json(fields)
    except InputError:
        raise InputError(
            f"text {number} has half of a surrogate pair, which is no Unicode (surrogates not"
            ' allowed); decode its source with errors="replace"',
            number,
        ) from None


def _as_list(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise InputError(
        f"a {type(value).__name__} cannot be sent as JSON; give strings, numbers, lists and dicts"
    )


def places_of(word: str, text: str) -> list[tuple[int, int]]:
    """Return the spans where a word stands in a text, from left to right, without overlap.

    Raises:
        ValueError: the word is empty.
    """
    if not word:
        raise ValueError("the word is empty and would occur everywhere; give a word")
    places, begin = [], text.find(word)
    while begin >= 0:
        places.append((begin, begin + len(word)))
        begin = text.find(word, begin + len(word))
    return places
