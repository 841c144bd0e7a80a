"""Read the lines of a file in its encoding, and keep no more of a line in memory than a limit.

A line ends with a line feed, perhaps after a carriage return. It is decoded only when its text is
requested, so that a line that cannot be decoded can be left out.
"""

import codecs
import gzip
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from itertools import count
from pathlib import Path

from biLM.errors import SourceError
from biLM.files import DAMAGE, unpacked

Stream = BufferedReader | gzip.GzipFile | lzma.LZMAFile
MAX_LINE_BYTES = 1 << 24
UTF_8 = "utf-8"
# The marks of UTF-32 come first, because that of UTF-16-LE is the beginning of one of them.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, UTF_8),
    ("\ufeff".encode("gb18030"), "gb18030"),
)
# A compressed file begins with these bytes, and its name should end like this.
PACKED = ((b"\x1f\x8b", ".gz"), (b"\xfd7zXZ\0", ".xz"))
# GB 18030 contains the other two, and files that are called GBK often have characters of it.
WIDER = {"gbk": "gb18030", "gb2312": "gb18030", "utf-8-sig": UTF_8}
# Chinese in UTF-16 has this many bytes below 128 in fewer than one line of a thousand.
ASCII_BYTES = 16


@dataclass(frozen=True)
class Line:
    """A line of a file, not yet decoded.

    Args:
        path: The file.
        number: The number of the line, from 1.
        raw: Its bytes, with the end of the line.
        encoding: The encoding of the file.
        too_long: Whether the line has more bytes than the limit, in which case `raw` is its
            beginning.
    """

    path: Path
    number: int
    raw: bytes
    encoding: str
    too_long: bool = False

    @property
    def place(self) -> str:
        """The file and the number of the line, for messages."""
        return f"{self.path}, line {self.number}"

    def text(self) -> str:
        """Return the text of the line without its end.

        Raises:
            SourceError: see `decoded`.
        """
        return self.decoded().removesuffix("\n").removesuffix("\r")

    def decoded(self) -> str:
        """Return the text of the line with its end.

        Raises:
            SourceError: the line is too long, is not in the encoding of the file, contains a NUL,
                or is a whole file whose lines end with carriage returns alone.
        """
        if self.too_long:
            raise SourceError(
                f"{self.place}: more than {MAX_LINE_BYTES:,} bytes, the limit of a line; divide it,"
                " and end each line with a line feed"
            )
        try:
            text = self.raw.decode(self.encoding)
        except UnicodeDecodeError as error:
            raise SourceError(
                f"{self.place}: not {self.encoding.upper()} ({error.reason} at byte {error.start});"
                f" {self._other_encoding()}"
            ) from error
        if "\0" in text:
            raise SourceError(
                f"{self.place}: a NUL character; if the file is UTF-16, give --text-encoding"
                " utf-16-le or utf-16-be; else remove it, for example with tr -d '\\0'"
            )
        if self.number == 1:
            self._refuse_carriage_returns(text)
        return text

    def _refuse_carriage_returns(self, text: str) -> None:
        if "\r" in text.rstrip("\r\n") and not text.endswith("\n"):
            raise SourceError(
                f"{self.place}: carriage returns and no line feed; lines end with \\n or \\r\\n;"
                r" convert the file, for example with tr '\r' '\n'"
            )

    def _other_encoding(self) -> str:
        if self.encoding == UTF_8:
            try:
                self.raw.decode("gb18030")
            except UnicodeDecodeError:
                pass
            else:
                return "it can be read as GBK: give --text-encoding gbk"
        return "give the encoding of the file by --text-encoding, or convert it with iconv"


def text_encoding(name: str) -> str:
    """Return the codec that reads an encoding, which may be a wider one.

    Raises:
        SourceError: there is none, or its lines do not end with a line feed.
    """
    try:
        codec = codecs.lookup(name).name
        codec = WIDER.get(codec, codec)
        end = "\n".encode(codec).strip(codecs.BOM_UTF16 + b"\0")
    except (LookupError, ValueError) as error:
        raise SourceError(
            f"there is no text encoding {name!r}; give utf-8, gbk, gb18030, big5, utf-16 or another"
            " that Python knows"
        ) from error
    if end != b"\n":
        raise SourceError(f"{name} has no line feed; convert the file with iconv -t UTF-8")
    return codec


def lines_of(file: BufferedReader, path: Path, encoding: str | None) -> Iterator[Line]:
    """Yield the lines of an open file, which may be compressed.

    Args:
        file: The file as it is on disk.
        path: Its path; the suffix `.gz` or `.xz` says that it is compressed.
        encoding: A codec, as `text_encoding` returns it; None means what the byte order mark says,
            and UTF-8 without one.

    Raises:
        SourceError: the file is damaged, or is clearly in another encoding.
    """
    stream = unpacked(file, path.suffix)
    number = 0
    try:
        codec = _codec(path, stream, encoding)
        newline = "\n".encode(codec)
        is_sure = codec == UTF_8
        for number in count(1):
            raw, too_long = _next_line(stream, newline)
            if not raw:
                return
            line = Line(path, number, raw, codec, too_long)
            is_sure = is_sure or _is_in_its_encoding(line)
            yield line
    except DAMAGE as error:
        place = f"{path}, line {max(number, 1)}"
        raise SourceError(
            f"{place}: the file ends or is damaged here: {error}; copy it again"
        ) from error


def _codec(path: Path, stream: Stream, encoding: str | None) -> str:
    """Return the codec of the file, and read past its byte order mark."""
    head = stream.peek(6)
    for magic, suffix in PACKED:
        if head.startswith(magic):
            raise SourceError(
                f"{path} has the content of a {suffix} file; add {suffix} to its name, or unpack it"
            )
    marked = next((codec for mark, codec in MARKS if head.startswith(mark)), None)
    stream.read(next((len(mark) for mark, codec in MARKS if codec == marked), 0))
    if encoding is None:
        return marked or UTF_8
    if encoding in ("utf-16", "utf-32"):
        if marked is None or not marked.startswith(encoding):
            raise SourceError(
                f"{path}, line 1: no byte order mark of {encoding}; give --text-encoding"
                f" {encoding}-le or {encoding}-be, or what the file is in"
            )
        return marked
    if marked not in (None, encoding):
        raise SourceError(
            f"{path}, line 1: the byte order mark of {marked}, not {encoding}; leave"
            " --text-encoding out"
        )
    return encoding


def _next_line(stream: Stream, newline: bytes) -> tuple[bytes, bool]:
    """Return the next line with its end, and whether it is only the beginning of a longer one."""
    parts, held = [], 0
    while part := _up_to_a_newline(stream, MAX_LINE_BYTES + 1 - held, len(newline)):
        parts.append(part)
        held += len(part)
        if held > MAX_LINE_BYTES:
            while part and not part.endswith(newline):
                part = _up_to_a_newline(stream, 1 << 16, len(newline))
            return b"".join(parts), True
        if part.endswith(newline):
            break
    return b"".join(parts), False


def _up_to_a_newline(stream: Stream, limit: int, width: int) -> bytes:
    """Return bytes up to one that may be a line feed, in whole units of the encoding."""
    part = stream.readline(limit)
    return part + stream.read(-len(part) % width)


def _is_in_its_encoding(line: Line) -> bool:
    """Return True if the line cannot be UTF-8, False if nothing is known yet.

    Chinese in UTF-8 is often valid in another encoding, in which it is nonsense. The reverse does
    not happen by chance: a character of GBK may be valid UTF-8 (18 of 100 common ones are), but
    then it is Cyrillic or Arabic there. Of a million random words of one to six common characters,
    none was Chinese in both.

    Raises:
        SourceError: the line is clearly UTF-8.
    """
    raw = line.raw
    try:
        text = raw.decode(UTF_8)
    except UnicodeDecodeError:
        return not line.too_long  # the beginning of a line may end inside a character
    is_wide = len("\n".encode(line.encoding)) > 1
    is_chinese = any("\u3000" <= character <= "\u9fff" for character in text)
    if "\0" not in text and (is_chinese or (is_wide and len(raw) >= ASCII_BYTES)):
        raise SourceError(
            f"{line.place}: this is UTF-8, not {line.encoding.upper()}; leave --text-encoding out"
        )
    return False
