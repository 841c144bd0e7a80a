"""Find the encoding of a file: what it says itself, UTF-8, the caller's word, or a guess.

A byte order mark is believed, and so is text that is valid UTF-8, for Chinese in another encoding
hardly ever is. Only for the rest the caller's encoding counts, and without one a library guesses.
"""

import re

from biLM.bulk.lines import MARKS, UTF_8, text_encoding
from biLM.errors import SourceError
from biLM.files import DAMAGE, unpacked

from .origins import Origin
from .sources import HTML
from .summary import HAN

# The encoding of a file is judged by this many bytes from its beginning.
SAMPLE_BYTES = 64 << 10
# UTF-8 with a few damaged characters has no more than one in this many.
SOUND_IN = 50
# Among all encodings, the library takes half of the texts of ten Chinese characters for Korean or
# another one; between these two, it is right in 96 of 100 and more (decision 61).
CANDIDATES = ["gb18030", "big5hkscs"]
# At least this share of the characters of a Chinese or English text is of the usual kinds. Where
# bytes of another encoding, or in the other order, are read as UTF-16, it is about a third.
USUAL_SHARE = 0.9
# Fewer characters may look usual by chance.
LEAST_CHARACTERS = 8
USUAL = re.compile(r"[\t\n\r -~\xa0-\xff\u2010-\u2027\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]")
DECLARED = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w-]{2,40})""", re.IGNORECASE)


def sample_of(origin: Origin) -> bytes:
    """Return the beginning of a file, unpacked.

    Raises:
        SourceError: the file cannot be read.
    """
    try:
        with origin.opened() as file:
            return unpacked(file, origin.name.suffix).read(SAMPLE_BYTES)
    except DAMAGE as error:
        message = f"{origin.shown}: cannot be read: {error}; copy it again"
        raise SourceError(message) from error


def encoding_of(origin: Origin, sample: bytes, given: str | None) -> str:
    """Return the codec of a file.

    Args:
        origin: The file.
        sample: Its beginning, as `sample_of` returns it.
        given: The encoding that the caller named for files that do not show theirs.

    Raises:
        SourceError: there is no such encoding, or none is given and the bytes do not show one.
    """
    if marked := next((codec for mark, codec in MARKS if sample.startswith(mark)), None):
        return marked
    if _is_utf_8(sample):
        return UTF_8
    if given:
        return text_encoding(given)
    if origin.kind == HTML and (declared := DECLARED.search(sample)):
        return text_encoding(declared[1].decode())
    if found := _utf_16(sample) or _guessed(sample):
        return found
    raise SourceError(
        f"{origin.shown}: its encoding is not clear, or it is not text; name it by --text-encoding,"
        " for example gbk, or convert the file with iconv -t UTF-8"
    )


def decoded(sample: bytes, codec: str) -> str:
    """Return the text of a sample, without what cannot be decoded."""
    return sample.decode(codec, "ignore").removeprefix("\ufeff")


def _is_utf_8(sample: bytes) -> bool:
    """Return whether bytes are UTF-8, perhaps with a few damaged characters."""
    text = sample.decode(UTF_8, "replace").rstrip("\ufffd")  # the end may be inside a character
    damaged = text.count("\ufffd") + text.count("\0")
    return not damaged or (damaged * SOUND_IN < len(text) and len(HAN.findall(text)) > damaged)


def _utf_16(sample: bytes) -> str | None:
    """Return the order of UTF-16 without a mark in which the text is a usual one."""
    for codec in ("utf-16-le", "utf-16-be"):
        text = sample.decode(codec, "replace")
        if len(text) >= LEAST_CHARACTERS and _is_usual(text):
            return codec
    return None


def _guessed(sample: bytes) -> str | None:
    """Return what the library says, or the only candidate in which the text is a usual one."""
    from charset_normalizer import from_bytes  # is loaded only for files in other encodings

    if b"\0" in sample:
        return None
    # Neither the library nor the check reads a text that is cut inside a character.
    whole = sample[: sample.rfind(b"\n") + 1] or sample if len(sample) == SAMPLE_BYTES else sample
    if best := from_bytes(whole, cp_isolation=CANDIDATES).best():
        return text_encoding(best.encoding)
    possible = [codec for codec in CANDIDATES if _is_usual(_strictly(whole, codec))]
    return possible[0] if len(possible) == 1 else None


def _is_usual(text: str) -> bool:
    return bool(text) and len(USUAL.findall(text)) >= USUAL_SHARE * len(text)


def _strictly(sample: bytes, codec: str) -> str:
    """Return the text, or nothing if it cannot be decoded."""
    try:
        return sample.decode(codec)
    except UnicodeDecodeError:
        return ""
