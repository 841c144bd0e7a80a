"""Turn Markdown into the lines of its prose.

Code, front matter, tags, addresses and marks of emphasis are removed; the words of headings, lists,
quotations, tables and links stay. This is a rule for each line instead of a parser of CommonMark:
it reads a file of any size without holding it, and it also removes `**`, which CommonMark leaves
in `**苹果。**手机` for want of a blank (decision 61).
"""

import html
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice

from .summary import HAN, shortened

Lines = Iterable[tuple[int, str]]
# Receives a reason, an example, and how often it occurred.
Dropped = Callable[[str, str, int], None]

CODE = "lines of code and front matter removed"
# Front matter is longer than this in no file, so a rule in the first line begins none.
MAX_FRONT_MATTER_LINES = 200
# A comment or a script with more lines than this is taken for the mention of one. A tutorial
# mentions `<script>`, and without a bound the rest of the file would be lost.
MAX_HIDDEN_LINES = 200
# A longer paragraph is read in parts, so that memory is bounded.
MAX_PARAGRAPH_LINES = 100
# Emphasis, a comment and the words of an image go on for no longer than this. Without a bound, the
# end of each would be searched for to the end of the paragraph: an hour for a line of 1 MB.
MAX_SPAN = 1000
FRONT_MATTER = {"---": ("---", "..."), "+++": ("+++",)}

FENCE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*(`{3,}(?=[^`]*$)|~{3,})")
RULE = re.compile(r"\s{0,3}(?:(?:[-*_=][ \t]*){3,}|=+|-+)\s*$")
HEADING = re.compile(r"\s{0,3}#{1,6}(?:\s+|$)(.*?)(?:\s+#+)?\s*$")
QUOTE = re.compile(r"^\s*(?:>[ \t]?)+")
ITEM = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])(?:[ \t]+(?:\[[ xX]\][ \t]+)?|$)")
DEFINITION = re.compile(r"\s{0,3}\[(?!\^)[^\]]+\]:\s*\S+")
FOOTNOTE = re.compile(r"^\s{0,3}\[\^[^\]]+\]:\s*")
COLUMNS = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)+\|?\s*$|\s*\|\s*:?-+:?\s*\|\s*$")
ROW = re.compile(r"\s*\|(.*)\|\s*$")
INDENTED = re.compile(r"(?: {4}|\t)")

SPANS = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
# A destination may have one pair of parentheses in it.
TARGET = r"\((?:[^()\n]|\([^()\n]*\))*\)"
IMAGE = re.compile(rf"!\[[^\]]{{0,{MAX_SPAN}}}\](?:{TARGET}|\[[^\]]*\])")
LINK = re.compile(rf"\[([^\[\]]*)\](?:{TARGET}|\[[^\[\]]*\])")
REFERENCE = re.compile(r"\[\^[^\]]+\]")
ADDRESS = re.compile(r"<(?:(?:https?|ftp|mailto):[^<>\s]*|[^<>\s@]+@[^<>\s@]+)>")
TAG = re.compile(rf"</?[A-Za-z][\w:-]*(?:\s[^<>]*)?/?>|<!--.{{0,{MAX_SPAN}}}?-->", re.DOTALL)
EMPHASIS = re.compile(rf"(\*{{1,3}}|~~)(?=\S)(.{{1,{MAX_SPAN}}}?)(?<=\S)\1", re.DOTALL)
# Between letters an underscore belongs to a name.
UNDERSCORES = re.compile(rf"(?<!\w)(_{{1,3}})(?=\S)(.{{1,{MAX_SPAN}}}?)(?<=\S)\1(?!\w)", re.DOTALL)
ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
# These characters stand for code and for escaped signs while marks are removed. A font for icons
# may use them; in a text they mean nothing.
PRIVATE = re.compile("[\ue100-\uf0ff]")
FIRST_PRIVATE, MAX_PRIVATE = 0xE100, 0x1000
OPENS = re.compile(r"<(script|style)\b[^>]*>|<!--", re.IGNORECASE)


def prose_of(lines: Lines, dropped: Dropped) -> Iterator[tuple[int, str]]:
    """Yield the number and the prose of each line; an empty line stands between blocks.

    Args:
        lines: The lines of the file with their numbers.
        dropped: Is called for what is removed as code.
    """
    in_code, paragraph = _Code(dropped), _Paragraph()
    for number, line in _without_hidden(_without_front_matter(iter(lines), dropped), dropped):
        if in_code.has(line):
            yield from paragraph.ended()
            continue
        text, begins, ends = _words(line)
        if begins or not text.strip():
            yield from paragraph.ended()
            yield number, ""
        paragraph.add(number, text)
        if ends or paragraph.is_long:
            yield from paragraph.ended()
        if ends:
            yield number, ""
    yield from paragraph.ended()


def inline_prose(text: str) -> str:
    """Return the words of a paragraph without the marks inside it; its line ends stay.

    `**吃**[苹果](a.md)` becomes 吃苹果.
    """
    kept: list[str] = []

    def keep(found: str) -> str:
        kept.append(found)
        return chr(FIRST_PRIVATE + len(kept) - 1) if len(kept) <= MAX_PRIVATE else found

    text = PRIVATE.sub("", text)
    text = SPANS.sub(lambda match: keep(match[2].strip()), text)
    text = ESCAPE.sub(lambda match: keep(match[1]), text)
    text = IMAGE.sub("", text)
    while (shorter := LINK.sub(r"\1", text)) != text:  # an image may stand inside a link
        text = shorter
    text = TAG.sub("", ADDRESS.sub("", REFERENCE.sub("", text)))
    for mark in (EMPHASIS, UNDERSCORES):
        while (shorter := mark.sub(r"\2", text)) != text:
            text = shorter
    text = html.unescape(text)
    for place, found in enumerate(kept[:MAX_PRIVATE]):
        text = text.replace(chr(FIRST_PRIVATE + place), found)
    return text.strip()


class _Paragraph:
    """Collects the lines of a paragraph, because a link or code may go over the end of a line."""

    def __init__(self) -> None:
        self._first, self._lines = 0, list[str]()

    @property
    def is_long(self) -> bool:
        """Whether it has more lines than are held at one time."""
        return len(self._lines) >= MAX_PARAGRAPH_LINES

    def add(self, number: int, text: str) -> None:
        """Add a line, unless it is blank."""
        if text.strip():
            self._first = self._first if self._lines else number
            self._lines.append(text)

    def ended(self) -> Iterator[tuple[int, str]]:
        """Yield the prose of its lines, and forget them."""
        text = inline_prose("\n".join(self._lines))
        self._lines = []
        for number, line in enumerate(text.split("\n"), self._first):
            if line.strip():
                yield number, line.strip()


def _words(line: str) -> tuple[str, bool, bool]:
    """Return the line without the marks of its block, and whether it begins and ends a block."""
    if RULE.match(line) or COLUMNS.match(line) or DEFINITION.match(line):
        return "", True, True
    line = FOOTNOTE.sub("", QUOTE.sub("", line))
    if heading := HEADING.match(line):
        return heading[1], True, True
    if item := ITEM.match(line):
        line = line[item.end() :]
        nested = HEADING.match(line)
        return nested[1] if nested else line, True, False
    if row := ROW.match(line):
        return " ".join(cell.strip() for cell in row[1].split("|")), True, True
    return line, False, False


def _without_front_matter(
    lines: Iterator[tuple[int, str]], dropped: Dropped
) -> Iterator[tuple[int, str]]:
    """Yield the lines after the facts about the file that it may begin with."""
    first = next(lines, None)
    if first is None:
        return
    head = [first]
    if ends := FRONT_MATTER.get(first[1].rstrip()):
        for entry in islice(lines, MAX_FRONT_MATTER_LINES):
            head.append(entry)
            if entry[1].rstrip() in ends:
                dropped(CODE, shortened(head[1][1], 40), len(head))
                head = []
                break
    yield from chain(head, lines)


def _without_hidden(
    lines: Iterator[tuple[int, str]], dropped: Dropped
) -> Iterator[tuple[int, str]]:
    """Yield the lines without comments, scripts and styles that go over several lines."""
    ahead: deque[tuple[int, str]] = deque()
    while entry := ahead.popleft() if ahead else next(lines, None):
        number, line = entry
        opening = OPENS.search(line)
        if not opening or "`" in line[: opening.start()]:
            yield number, line
            continue
        before = line[: opening.start()]
        ending = re.compile(f"</{opening[1]}>" if opening[1] else "-->", re.IGNORECASE)
        if found := ending.search(line, opening.end()):
            yield number, before + line[found.end() :]
        elif num_hidden := _skip_to(ending, ahead, lines):
            dropped(CODE, shortened(line.strip(), 40), num_hidden)
            yield number, before
        else:  # it is only mentioned
            yield number, line


def _skip_to(
    ending: re.Pattern[str], ahead: deque[tuple[int, str]], lines: Iterator[tuple[int, str]]
) -> int:
    """Remove everything through the next ending, and return from how many lines it was removed.

    If there is no ending in the next MAX_HIDDEN_LINES lines, nothing is removed and 0 is returned.

    Args:
        ending: The ending.
        ahead: Lines that have been read already; those that are read here are added.
        lines: The lines after them.
    """
    ahead.extend(islice(lines, MAX_HIDDEN_LINES - len(ahead)))
    for place, (number, line) in enumerate(ahead):
        if found := ending.search(line):
            for _ in range(place + 1):
                ahead.popleft()
            ahead.appendleft((number, line[found.end() :]))
            return place + 1
    return 0


class _Code:
    """Recognises the lines of code, in fences or indented.

    Args:
        dropped: Is called for each of them.
    """

    def __init__(self, dropped: Dropped) -> None:
        self._dropped = dropped
        self._fence = ""
        self._follows_blank = True
        self._in_list = False

    def has(self, line: str) -> bool:
        """Return whether the next line of the file belongs to code."""
        is_code = self._is_fenced(line) or self._is_indented(line)
        if is_code and line.strip():
            self._dropped(CODE, shortened(line.strip(), 40), 1)
        return is_code

    def _is_fenced(self, line: str) -> bool:
        found = FENCE.match(line)
        if self._fence:
            closing = line.strip(" \t>")
            if closing.startswith(self._fence) and not closing.strip(self._fence[0]):
                self._fence = ""
                self._follows_blank = True
            return True
        if found:
            self._fence = found[1]
        return bool(found)

    def _is_indented(self, line: str) -> bool:
        """Return whether an indented line is code: outside a list, and mostly not Chinese."""
        if not line.strip():
            self._follows_blank = True
            return False
        is_indented = bool(INDENTED.match(line))
        if not is_indented:
            self._in_list = bool(ITEM.match(line)) or (self._in_list and line[0] == " ")
        letters = sum(map(str.isalnum, line))
        is_code = (
            is_indented
            and self._follows_blank
            and not self._in_list
            and 2 * len(HAN.findall(line)) < letters
        )
        self._follows_blank = is_code
        return is_code
