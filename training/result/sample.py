"""Draw a fixed sample from held-out text, by the hash of each excerpt.

An excerpt consists of whole sentences of one document. The excerpts with the smallest hashes are
drawn, so the sample depends on the text alone: not on how many files it came in, nor on their
names. A smaller sample of the same text is the beginning of a larger one.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from heapq import heappop, heappush
from pathlib import Path

from ..text.corpus import read_documents
from ..text.shards import SENTENCES
from .languages import Cell, count_letters, language_of
from .sources import groups_of

# The length of an excerpt, of about two rows. One sentence may be longer, and is then cut.
EXCERPT_CHARACTERS = 150


@dataclass(frozen=True, order=True)
class Excerpt:
    """A part of a held-out document; excerpts are ordered by the hash of their text.

    Args:
        digest: The hash.
        text: Whole sentences of one document.
        source: The source of the document.
    """

    digest: int
    text: str
    source: str


@dataclass(frozen=True)
class Sample:
    """The excerpts that are scored.

    Args:
        excerpts: The excerpts, in the order of their hashes.
        sources: All sources that have held-out text, whether an excerpt was drawn from them or not.
    """

    excerpts: tuple[Excerpt, ...]
    sources: tuple[str, ...]

    @cached_property
    def group_of(self) -> dict[str, str]:
        """The group of each source in a report; the sources most is drawn from have their own."""
        sizes = dict.fromkeys(self.sources, 0)
        for one in self.excerpts:
            sizes[one.source] += len(one.text)
        return groups_of(sizes)

    @cached_property
    def cell_of(self) -> dict[str, Cell]:
        """The group and the language of each source.

        The language is that of most letters in the source's excerpts. A source without excerpts has
        one, too, which counts for nothing.
        """
        counts = dict.fromkeys(self.sources, (0, 0))
        for one in self.excerpts:
            han, letters = count_letters(one.text)
            of_source = counts[one.source]
            counts[one.source] = of_source[0] + han, of_source[1] + letters
        return {
            source: Cell(group, language_of(*counts[source]))
            for source, group in self.group_of.items()
        }

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of the sources, each once."""
        return tuple(dict.fromkeys(self.cell_of.values()))

    @property
    def characters(self) -> int:
        """The number of characters (code points) of all excerpts."""
        return sum(len(one.text) for one in self.excerpts)

    @property
    def sha256(self) -> str:
        """The sha256, in hexadecimal, of the texts of the excerpts."""
        digest = hashlib.sha256()
        for one in self.excerpts:
            digest.update(one.text.encode() + b"\n")
        return digest.hexdigest()


def draw_sample(corpus: Path, max_characters: int) -> Sample:
    """Draw excerpts until they have about this many characters.

    Memory holds the sample only, whatever the size of the text.

    Args:
        corpus: The folder that `build_corpus` wrote.
        max_characters: The excerpt that reaches this many is the last one.
    """
    drawn: list[tuple[int, str, str]] = []  # a heap; the largest hash comes first
    total, sources = 0, dict[str, None]()
    for source, text in _held_out_excerpts(corpus):
        sources[source] = None
        heappush(drawn, (-_hash(text), text, source))
        total += len(text)
        while total - len(drawn[0][1]) >= max_characters:
            total -= len(heappop(drawn)[1])
    excerpts = sorted(Excerpt(-negative, text, source) for negative, text, source in drawn)
    return Sample(tuple(excerpts), tuple(sources))


def _held_out_excerpts(corpus: Path) -> Iterator[tuple[str, str]]:
    for path in sorted((corpus / "held_out").glob("*.txt")):
        for document in read_documents(path):
            yield from ((path.stem, text) for text in excerpts_of(document))


def excerpts_of(document: str) -> Iterator[str]:
    """Yield the excerpts of a document, which together are the document."""
    excerpt = ""
    for sentence in SENTENCES.findall(document):
        if excerpt and len(excerpt) + len(sentence) > EXCERPT_CHARACTERS:
            yield excerpt
            excerpt = ""
        excerpt += sentence
        while len(excerpt) > EXCERPT_CHARACTERS:
            yield excerpt[:EXCERPT_CHARACTERS]
            excerpt = excerpt[EXCERPT_CHARACTERS:]
    if excerpt:
        yield excerpt


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
