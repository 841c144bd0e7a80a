"""Count what a corpus leaves out or doubts, one line for each reason, with a few examples."""

import re
from collections.abc import Iterator

MAX_EXAMPLES = 3
# A longer example is cut, so that a line of the summary stays one line of a terminal, or three.
MAX_EXAMPLE_CHARACTERS = 160
# A share below this is not reported.
LEAST_SHARE = 0.01
HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
ENTITY = re.compile(r"&(?:nbsp|lt|gt|amp|quot|#\d+);")


class Tally:
    """How often each reason occurred, with its first examples."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._examples: dict[str, list[str]] = {}

    def count(self, reason: str, example: str, times: int = 1) -> None:
        """Count a reason, and keep the example if it is one of the first of its reason."""
        self._counts[reason] = self._counts.get(reason, 0) + times
        examples = self._examples.setdefault(reason, [])
        if len(examples) < MAX_EXAMPLES:
            examples.append(shortened(example, MAX_EXAMPLE_CHARACTERS))

    def __getitem__(self, reason: str) -> int:
        return self._counts.get(reason, 0)

    def lines(self) -> list[str]:
        """Return a line for each reason: what it is, how often it occurred, and examples."""
        return [self._line(reason, number) for reason, number in self._counts.items()]

    def _line(self, reason: str, number: int) -> str:
        examples = self._examples[reason]
        more = "; …" if number > len(examples) else ""
        return f"{reason}: {number:,} ({'; '.join(examples)}{more})"


class Doubts:
    """What share of the documents looks as if it were not prose, or in another language."""

    def __init__(self) -> None:
        self._documents = self._chinese = 0
        self._found = {"begin with <": 0, "hold entities such as &nbsp;": 0, "hold U+FFFD": 0}

    def look_at(self, text: str) -> None:
        """Count a document."""
        self._documents += 1
        self._chinese += HAN.search(text) is not None
        self._found["begin with <"] += text.startswith("<")
        self._found["hold entities such as &nbsp;"] += "&" in text and bool(ENTITY.search(text))
        self._found["hold U+FFFD"] += "\ufffd" in text

    def lines(self) -> list[str]:
        """Return one line with the shares of at least a hundredth, or nothing.

        That documents have no Chinese is reported only if most have some.
        """
        shares = list(self._shares())
        if not shares:
            return []
        return [f"of {self._documents:,} documents {', '.join(shares)}; look whether that is meant"]

    def _shares(self) -> Iterator[str]:
        found = dict(self._found)
        if 2 * self._chinese > self._documents:
            found["have no Chinese character"] = self._documents - self._chinese
        for what, number in found.items():
            if number and number >= LEAST_SHARE * self._documents:
                yield f"{number / self._documents:.0%} {what}"


def shortened(text: str, limit: int) -> str:
    """Return the text, or its beginning with an ellipsis if it is longer than the limit."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def printable(text: str) -> str:
    """Return the text with a question mark for each character that no terminal shows.

    Names of files may have line ends, and bytes that no encoding explains.
    """
    return "".join(character if character.isprintable() else "?" for character in text)
