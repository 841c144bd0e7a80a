"""Turn a page of HTML into the lines of its prose, by the parser of the standard library.

The parser reads a page line by line, repairs nothing and needs no further package. Scripts, styles,
menus and other elements that hold no prose are left out. A block that consists mostly of links is
taken for navigation: text between links is the best sign of prose (Kohlschuetter, Fankhauser and
Nejdl 2010, "Boilerplate detection using shallow text features").
"""

from collections.abc import Iterable, Iterator
from html.parser import HTMLParser

from .joining import joined
from .markdown import CODE, Dropped
from .summary import HAN, shortened

NAVIGATION = "blocks of links removed as navigation"
_WITHOUT_PROSE = (
    "script style noscript template svg math title nav footer aside button select textarea "
    "iframe object canvas audio video"
)
_BLOCKS = (
    "html body main article section header div p h1 h2 h3 h4 h5 h6 ul ol li dl dt dd table "
    "caption tr blockquote pre figure figcaption form fieldset hr details summary address"
)
WITHOUT_PROSE = frozenset(_WITHOUT_PROSE.split())
BLOCKS = frozenset(_BLOCKS.split())
HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
SEPARATORS = {"br": "\n", "td": " ", "th": " "}
SENTENCE_ENDS = frozenset("。！？；.!?;")
# While more characters than this of a script or a comment wait for its end, lines are collected.
LONG_UNFINISHED = 4 << 10


def prose_of(lines: Iterable[tuple[int, str]], dropped: Dropped) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of each block of a page, with an empty line after each.

    Args:
        lines: The lines of the file with their numbers.
        dropped: Is called for code and navigation that is removed.
    """
    page, number = _Page(dropped), 0
    for number, line in lines:
        page.add(line + "\n")
        for text in page.taken():
            yield number, text
            yield number, ""
    page.finish()
    for text in page.taken():
        yield number, text
        yield number, ""


class _Page(HTMLParser):
    """Collects the blocks of a page.

    Args:
        dropped: Is called for blocks that are not prose.
    """

    def __init__(self, dropped: Dropped) -> None:
        super().__init__(convert_charrefs=True)
        self._dropped = dropped
        self._blocks: list[str] = []
        self._lines: list[str] = []
        self._num_waiting = 0
        self._skipped: list[str] = []
        self._is_link = self._is_code = self._is_heading = False
        self._begin_block()

    def add(self, line: str) -> None:
        """Read a line.

        The parser reads an unfinished script or comment anew each time it is given more. So the
        lines behind a long one wait until they are as long, which bounds the time for all of them.
        """
        self._lines.append(line)
        self._num_waiting += len(line)
        if self._num_waiting >= len(self.rawdata) or len(self.rawdata) < LONG_UNFINISHED:
            self._read_lines()

    def finish(self) -> None:
        """Read what is left, and end the last block."""
        self._read_lines()
        self.close()
        self.end_block()
        if self._skipped:
            self._dropped(NAVIGATION, f"all behind <{self._skipped[0]}>, which does not end", 1)

    def taken(self) -> list[str]:
        """Return the blocks that have ended, and forget them."""
        blocks, self._blocks = self._blocks, []
        return blocks

    def end_block(self) -> None:
        """End the present block, and keep it if it is prose."""
        text = joined("".join(self._parts).split("\n"))
        if text and self._is_code and 2 * len(HAN.findall(text)) < sum(map(str.isalnum, text)):
            self._dropped(CODE, shortened(text, 40), 1)
        elif text and self._is_navigation(text):
            self._dropped(NAVIGATION, shortened(text, 40), 1)
        elif text:
            self._blocks.append(text)
        self._begin_block()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a block, a link, or what holds no prose."""
        if tag == "body":
            self._skipped.clear()
        if tag in WITHOUT_PROSE:
            self._skipped.append(tag)
        if tag in BLOCKS:
            self.end_block()
            self._is_link = False  # a page may forget to end a link
        if tag in SEPARATORS:
            self._parts.append(SEPARATORS[tag])
        if tag == "a":
            self._is_link = any(name == "href" for name, _ in attrs)
        self._is_code = self._is_code or tag == "pre"
        self._is_heading = self._is_heading or tag in HEADINGS

    def handle_endtag(self, tag: str) -> None:
        """End the element of this tag."""
        if tag in self._skipped:
            while self._skipped.pop() != tag:
                pass
        if tag in BLOCKS:
            self.end_block()
        self._is_link = self._is_link and tag != "a"
        self._is_code = self._is_code and tag != "pre"
        self._is_heading = self._is_heading and tag not in HEADINGS

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Treat `<br/>` as `<br>`; nothing else that ends at once holds anything."""
        if tag in SEPARATORS:
            self._parts.append(SEPARATORS[tag])
        elif tag in BLOCKS:
            self.end_block()

    def handle_data(self, data: str) -> None:
        """Add text to the block."""
        if self._skipped:
            return
        self._parts.append(data)
        if self._is_link:
            self._linked += len(data.strip())

    def _read_lines(self) -> None:
        text = "".join(self._lines)
        self._lines, self._num_waiting = [], 0
        self.feed(text)

    def _begin_block(self) -> None:
        self._parts: list[str] = []
        self._linked = 0

    def _is_navigation(self, text: str) -> bool:
        is_sentence = text[-1] in SENTENCE_ENDS
        return 2 * self._linked > len(text) and not self._is_heading and not is_sentence
