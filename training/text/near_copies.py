"""Recognise documents most of whose text has been read before.

A document is compared by fingerprints of its letters: of each run of 13 characters a hash is
computed, and the least hash in every 8 neighbouring ones is a fingerprint. So two texts that share
20 characters in a row share a fingerprint, wherever it stands in either (Schleimer, Wilkerson and
Aiken 2003, "Winnowing: local algorithms for document fingerprinting"). A document is a near copy if
most of its fingerprints occur in documents before it.

The fingerprints that occurred are kept in two Bloom filters of a fixed size (Bloom 1970). When one
is full, the older one is emptied, so that memory does not grow with the text; what is forgotten is
the text furthest back.
"""

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from .shingles import U64, hashes_of, in_groups, letters_of, mixed

WINDOW = 8
# A text with fewer letters has too few fingerprints to be sure, and is only compared as a whole.
LEAST_LETTERS = 40
# A near copy has at least this share of its fingerprints in common with earlier texts.
COMMON = 0.8
# A filter of the largest size takes 64 MiB. Two of them remember the fingerprints of the last 220
# to 450 million characters.
LEAST_WORDS, MOST_WORDS = 1 << 14, 1 << 23
# A filter with more fingerprints to a word takes more than one in fifty for one that it has.
FINGERPRINTS_PER_WORD = 6
# A fingerprint for every 4.5 characters.
DENSITY = 2 / (WINDOW + 1)


class NearCopies:
    """Recognises near copies among the documents that it is shown.

    Args:
        num_characters: How many characters all documents together have, about.
    """

    def __init__(self, num_characters: int) -> None:
        wanted = max(1.0, 2 * DENSITY * num_characters / FINGERPRINTS_PER_WORD)
        words = 1 << int(np.ceil(np.log2(wanted)))
        self._recent = _Filter(min(MOST_WORDS, max(LEAST_WORDS, words)))
        self._older = _Filter(LEAST_WORDS)

    def flags(self, texts: Iterable[str]) -> Iterator[bool]:
        """Yield for each text whether it is a near copy of earlier ones.

        An exact copy of a text that is none is none, either; it is another module's to drop it.
        The texts are read ahead, a group at a time.
        """
        for group in in_groups(texts):
            yield from self._flags(group)

    def _flags(self, texts: list[str]) -> list[bool]:
        wholes = np.array([_digest(text) for text in texts], np.uint64)
        prints, owners = _fingerprints(texts)
        common = self._seen_before(prints, owners)
        number = np.bincount(owners, minlength=len(texts))
        shared = np.bincount(owners[common], minlength=len(texts))
        is_kept = (self._recent.has(wholes) | self._older.has(wholes)) & (shared == number)
        is_near = (number > 0) & (shared >= COMMON * number) & ~is_kept
        # Equal texts get the verdict of the first of them: a copy of a near copy is a near copy.
        _, first, inverse = np.unique(wholes, return_index=True, return_inverse=True)
        is_near = is_near[first[inverse]]
        self._add(np.concatenate([prints, wholes[~is_near]]))
        return [bool(flag) for flag in is_near]

    def _seen_before(self, values: U64, owners: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return for each value whether an earlier text has it, in this group or before."""
        if not len(values):
            return np.zeros(0, bool)
        _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
        in_group = owners[first[inverse]] < owners
        return in_group | self._recent.has(values) | self._older.has(values)

    def _add(self, values: U64) -> None:
        values = np.unique(values)
        if self._recent.is_full:
            self._older, self._recent = self._recent, _Filter(self._recent.num_words)
        self._recent.add(values)


class _Filter:
    """A set of numbers that may report a number that was never added, but never misses one.

    Args:
        num_words: Its size in words of 64 bits, a power of two.
    """

    def __init__(self, num_words: int) -> None:
        self.num_words = num_words
        self._words = np.zeros(num_words, np.uint64)
        self._added = 0

    @property
    def is_full(self) -> bool:
        """Whether more numbers would make too many mistakes."""
        return self._added > FINGERPRINTS_PER_WORD * self.num_words

    def has(self, values: U64) -> npt.NDArray[np.bool_]:
        """Return for each value whether it was added."""
        places, bits = self._places(values)
        found: npt.NDArray[np.bool_] = (self._words[places] & bits) == bits
        return found

    def add(self, values: U64) -> None:
        """Add values, of which each is different."""
        places, bits = self._places(values)
        np.bitwise_or.at(self._words, places, bits)
        self._added += len(values)

    def _places(self, values: U64) -> tuple[U64, U64]:
        """Return the word of each value, and its four bits there."""
        spread = mixed(values)
        bits = np.zeros(len(values), np.uint64)
        for place in range(4):
            bits |= np.uint64(1) << ((spread >> np.uint64(6 * place)) & np.uint64(63))
        return (spread >> np.uint64(24)) & np.uint64(self.num_words - 1), bits


def _fingerprints(texts: list[str]) -> tuple[U64, npt.NDArray[np.int64]]:
    """Return the fingerprints of all texts, and for each the number of its text."""
    letters, owners = letters_of(texts)
    is_long = np.bincount(owners, minlength=len(texts))[owners] >= LEAST_LETTERS
    letters, owners = letters[is_long], owners[is_long]
    if not len(letters):
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    hashes = hashes_of(letters)
    windows = _window_minima(hashes)
    # A window belongs to a text if its first and last character do.
    num = len(windows)
    within = owners[:num] == owners[len(owners) - num :]
    windows, first = windows[within], owners[:num][within]
    is_new = np.ones(len(windows), bool)
    is_new[1:] = (windows[1:] != windows[:-1]) | (first[1:] != first[:-1])
    return windows[is_new], first[is_new]


def _window_minima(hashes: U64) -> U64:
    """Return the least of each `WINDOW` neighbours, found by doubling the width three times."""
    width = 1
    while width < WINDOW:
        hashes = np.minimum(hashes[:-width], hashes[width:])
        width *= 2
    return hashes


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
