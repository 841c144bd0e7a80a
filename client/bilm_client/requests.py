"""Split a caller's texts into requests of a size that the service accepts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

# About one micro-batch of the service. Its queue has room for two seconds of work and admits a
# request whole or not at all, so several small requests may fit where a large one is refused.
REQUEST_CHARACTERS = 4096


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


def split(request: Request, max_texts: int) -> Iterator[Request]:
    """Yield requests of at most `max_texts` texts and about a micro-batch, in order of the texts.

    Only the service knows how many pieces a text has, but a piece is seldom less than a character.
    If it is, and the service refuses a request as too large, `ask_vectors` halves it.
    """
    texts = next(iter(request.per_text.values()))
    begin, characters = 0, 0
    for end, text in enumerate(texts):
        length = _length(text)
        is_full = end - begin == max_texts or characters + length > REQUEST_CHARACTERS
        if is_full and end > begin:
            yield request.part(begin, end)
            begin, characters = end, 0
        characters += length
    if begin < len(texts):
        yield request.part(begin, len(texts))


def _length(text: str | Sequence[str] | Sequence[int]) -> int:
    """Return the number of characters in a text, or of pieces if it is given as ids."""
    return sum(len(part) if isinstance(part, str) else 1 for part in text)


def per_text_fields(
    texts: Sequence[str] | str | None = None,
    words: Sequence[Sequence[str]] | None = None,
    ids: Sequence[Sequence[int]] | None = None,
) -> dict[str, Sequence[Any]]:
    """Return the field in which the texts are given, as a dict; a single text becomes a list.

    Raises:
        ValueError: not exactly one of texts, words and ids is given.
    """
    given = {"texts": [texts] if isinstance(texts, str) else texts, "words": words, "ids": ids}
    found: dict[str, Sequence[Any]]
    found = {name: list(entries) for name, entries in given.items() if entries is not None}
    if len(found) != 1:
        raise ValueError(
            f"give exactly one of texts, words and ids; got {' and '.join(sorted(found)) or 'none'}"
        )
    return found


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
