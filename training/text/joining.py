"""Join the lines of a document into one line, as the corpus keeps it."""

from collections.abc import Iterable

# Where lines were broken to fit a width, they have at least this many characters. Titles and verse
# are shorter.
WRAPPED_CHARACTERS = 20


def joined(lines: Iterable[str]) -> str:
    """Return the lines as one.

    A line end between two characters of Chinese or Japanese falls away if the line was broken to
    fit a width. Every other line end becomes a space, which is how a model reads it anyway.
    """
    parts: list[str] = []
    last = ""
    for line in lines:
        text = line.strip()
        if not text:
            continue
        if last and not _is_broken(last, text):
            parts.append(" ")
        parts.append(text)
        last = text
    return "".join(parts)


def _is_broken(line: str, following: str) -> bool:
    return len(line) >= WRAPPED_CHARACTERS and _is_wide(line[-1]) and _is_wide(following[0])


def _is_wide(character: str) -> bool:
    return "\u3041" <= character <= "\u9fff" or character >= "\U00020000"
