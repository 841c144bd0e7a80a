"""Decide what a document is in a file of lines, and put its lines together."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from ..choices import DOCUMENTS
from .joining import joined
from .origins import Origin
from .sources import TEXT

FILE, LINE, BLANK_LINE = DOCUMENTS
# A document of several lines is divided before it has more characters than this, so that a book can
# be held out in part, and no file is too large for the memory.
MAX_DOCUMENT_CHARACTERS = 20_000
# Blank lines divide documents if there are at least this many paragraphs, with this many lines each
# on average. With fewer lines each line is a document, and the blank ones are decoration.
LEAST_PARAGRAPHS, LEAST_LINES = 5, 2.0


def guessed_unit(origin: Origin, beginning: str) -> str:
    """Return what a document is in a file: the file, a line, or what blank lines divide.

    Args:
        origin: The file, which is not a table.
        beginning: Its first characters.
    """
    if origin.kind != TEXT or origin.is_article:
        return FILE
    runs = groupby(beginning.split("\n"), key=lambda line: bool(line.strip()))
    paragraphs = [sum(1 for _ in lines) for has_text, lines in runs if has_text]
    are_many = len(paragraphs) >= LEAST_PARAGRAPHS
    return BLANK_LINE if are_many and sum(paragraphs) >= LEAST_LINES * len(paragraphs) else LINE


def grouped(
    lines: Iterable[tuple[int, str]], unit: str, divided: Callable[[int], None]
) -> Iterator[tuple[int, str]]:
    """Yield the number of the first line and the text of each document.

    Args:
        lines: The numbered lines of a file; blank ones stand between paragraphs.
        unit: What a document is.
        divided: Is called with the first line of a document that is too long, once for each part
            but the last.
    """
    first, held, characters = 0, list[str](), 0
    for number, line in lines:
        text = line.strip()
        is_too_long = bool(held) and characters + len(text) > MAX_DOCUMENT_CHARACTERS
        ends = unit == LINE or (unit == BLANK_LINE and not text) or is_too_long
        if ends and held:
            yield first, joined(held)
            held, characters = [], 0
            if is_too_long and unit != LINE:
                divided(first)
        if text:
            first = first if held else number
            held.append(text)
            characters += len(text)
    if held:
        yield first, joined(held)
