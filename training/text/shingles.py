"""Compute hashes of the runs of 13 letters or of 13 words that a text consists of.

Texts that share one of these runs share a hash; the converse holds but for one pair in 2**64.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

SHINGLE = 13
U64 = npt.NDArray[np.uint64]
Owners = npt.NDArray[np.int64]
# Texts are compared in groups of about this many characters, which take 20 to 40 MB.
GROUP_CHARACTERS = 1 << 18
# Odd numbers whose bits look random: 2**64 over the golden ratio, and the finisher of splitmix64.
BASE, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def in_groups(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield the texts in groups of about GROUP_CHARACTERS, read as they are needed."""
    group: list[str] = []
    held = 0
    for text in texts:
        group.append(text)
        held += len(text)
        if held >= GROUP_CHARACTERS:
            yield group
            group, held = [], 0
    if group:
        yield group


def letters_of(texts: Sequence[str]) -> tuple[U64, Owners]:
    """Return the letters and digits of all texts in lower case, each with its text's number."""
    characters, owners = _characters(texts)
    is_letter = _letters()[characters]
    return characters[is_letter], owners[is_letter]


def strings_of(texts: Sequence[str]) -> tuple[U64, Owners]:
    """Return the hash of each run of 13 units of all texts, and for each the number of its text.

    A unit is a word or number in ASCII, or another letter: 13 letters are a clause of Chinese, but
    three words of English. A text of fewer units has one hash, of all its units.
    """
    units, owners = _units(*_characters(texts))
    missing = np.maximum(0, SHINGLE - np.bincount(owners, minlength=len(texts)))
    owners = np.concatenate([owners, np.repeat(np.arange(len(texts)), missing)])
    order = np.argsort(owners, kind="stable")
    units = np.concatenate([units, np.zeros(missing.sum(), np.uint64)])[order]
    owners = owners[order]
    if not len(units):
        return units, owners
    is_within = owners[: len(owners) - SHINGLE + 1] == owners[SHINGLE - 1 :]
    return hashes_of(units)[is_within], owners[: len(is_within)][is_within]


def hashes_of(units: U64) -> U64:
    """Return the hash of each run of 13 units, which is a polynomial of them."""
    num = len(units) - SHINGLE + 1
    hashes = np.zeros(num, np.uint64)
    for place in range(SHINGLE):
        hashes = hashes * np.uint64(BASE) + units[place : place + num]
    return mixed(hashes)


def mixed(values: U64) -> U64:
    """Return numbers whose every bit depends on every bit of the given ones (splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(FIRST)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(SECOND)
    return values ^ (values >> np.uint64(31))


def _characters(texts: Sequence[str]) -> tuple[U64, Owners]:
    small = [text.lower() for text in texts]
    joint = np.frombuffer("".join(small).encode("utf-32-le"), np.uint32)
    owners = np.repeat(np.arange(len(small)), [len(text) for text in small])
    return joint.astype(np.uint64), owners


def _units(characters: U64, owners: Owners) -> tuple[U64, Owners]:
    """Join the characters of each word in ASCII to one number, and drop what is not a letter."""
    is_letter = _letters()[characters]
    in_word = is_letter & (characters < 128)
    begins = is_letter.copy()
    begins[1:] &= ~(in_word[1:] & in_word[:-1] & (owners[1:] == owners[:-1]))
    starts = np.flatnonzero(begins)
    if not len(starts):
        return np.zeros(0, np.uint64), owners[:0]
    # A word is a polynomial of its characters, by the place of each from the word's beginning.
    number = np.cumsum(begins) - 1
    place = np.arange(len(characters)) - starts[np.maximum(number, 0)]
    powers = np.cumprod(np.full(64, BASE, np.uint64))
    terms = np.where(is_letter, characters * powers[np.clip(place, 0, 63)], np.uint64(0))
    return np.add.reduceat(terms, starts), owners[starts]


@cache
def _letters() -> npt.NDArray[np.bool_]:
    """Return for each code point whether it is a letter or a digit."""
    return np.fromiter((chr(code).isalnum() for code in range(0x110000)), bool, 0x110000)
