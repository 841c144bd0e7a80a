"""A caller's texts -> requests that the service takes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

# About one micro-batch of the service. Its queue holds two seconds of work and takes a request
# whole or not at all: several small requests find room where one large one is refused.
REQUEST_CHARACTERS = 4096


@dataclass(frozen=True)
class Request:
    """Some of the caller's texts, with what is asked of them.

    Args:
        path: Of the service.
        per_text: Fields with an entry for each text.
        others: The other fields.
        numbers: Of its texts among all that the caller gave.
    """

    path: str
    per_text: Mapping[str, Sequence[Any]]
    others: Mapping[str, Any]
    numbers: Sequence[int]

    @property
    def body(self) -> dict[str, Any]:
        """All fields."""
        return {**self.others, **self.per_text}

    @property
    def num_texts(self) -> int:
        """How many texts it holds."""
        return len(self.numbers)

    def halves(self) -> tuple["Request", "Request"]:
        """The same texts in two requests."""
        middle = self.num_texts // 2
        return self.part(0, middle), self.part(middle, self.num_texts)

    def part(self, begin: int, end: int) -> "Request":
        """Some of its texts in a request of their own."""
        some = {name: entries[begin:end] for name, entries in self.per_text.items()}
        return replace(self, per_text=some, numbers=self.numbers[begin:end])


def split(request: Request, max_texts: int) -> Iterator[Request]:
    """Requests of at most so many texts and about a micro-batch each, in the order of the texts.

    How many pieces a text has is known to the service alone; a piece is seldom less than a
    character. Where it is, and the service finds a request too large, it is halved.
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
    """Characters of a text, or its pieces where it is given as ids."""
    return sum(len(part) if isinstance(part, str) else 1 for part in text)


def per_text_fields(
    texts: Sequence[str] | str | None = None,
    words: Sequence[Sequence[str]] | None = None,
    ids: Sequence[Sequence[int]] | None = None,
) -> dict[str, Sequence[Any]]:
    """The one way in which texts are given, as a list; a single text is a list of one.

    Raises:
        ValueError: none or several are given.
    """
    given = {"texts": [texts] if isinstance(texts, str) else texts, "words": words, "ids": ids}
    found: dict[str, Sequence[Any]]
    found = {name: list(entries) for name, entries in given.items() if entries is not None}
    if len(found) != 1:
        raise ValueError(f"give one of texts, words and ids; got {sorted(found) or 'none'}")
    return found


def places_of(word: str, text: str) -> list[tuple[int, int]]:
    """Where a word stands in a text, from left to right without overlap.

    Raises:
        ValueError: the word is empty.
    """
    if not word:
        raise ValueError("the word is empty; it would stand everywhere")
    places, begin = [], text.find(word)
    while begin >= 0:
        places.append((begin, begin + len(word)))
        begin = text.find(word, begin + len(word))
    return places
