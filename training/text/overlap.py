"""Find held-out documents that share text with the documents to train on.

A model can recite a string that it has read, so a held-out document with such a string measures its
memory. A document is compared by the runs of 13 letters, or of 13 words where these are in ASCII
(`shingles`). Memory holds a hash, 8 bytes, for each letter of the held-out text, and is the same
for any number of documents to train on.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from .shingles import in_groups, strings_of

# A document shares text if at least this share of its runs occur in the training text. One run is
# enough in a document of up to 112 letters; a long document has some common phrase in any case.
LEAST_SHARE = 0.01


class Overlap:
    """Compares held-out documents with documents to train on.

    Args:
        texts: The held-out documents.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        hashes, owners, number = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)], 0
        for group in in_groups(texts):
            of_group, owner = strings_of(group)
            hashes.append(of_group)
            owners.append(owner + number)
            number += len(group)
        self._strings, self._of_run = np.unique(np.concatenate(hashes), return_inverse=True)
        self._owners, self._number = np.concatenate(owners), number
        self._occurs = np.zeros(len(self._strings), bool)

    def read(self, texts: Iterable[str]) -> None:
        """Compare with documents to train on."""
        if not len(self._strings):
            return
        for group in in_groups(texts):
            found, _ = strings_of(group)
            places = np.searchsorted(self._strings, found)
            places[places == len(self._strings)] = 0
            self._occurs[places[self._strings[places] == found]] = True

    def flags(self) -> npt.NDArray[np.bool_]:
        """Return for each held-out document whether it shares text with what has been read."""
        shares = self.shares()
        found: npt.NDArray[np.bool_] = shares >= LEAST_SHARE
        return found

    def shares(self) -> npt.NDArray[np.float64]:
        """Return for each held-out document which share of its runs occur in what has been read."""
        runs = np.bincount(self._owners, minlength=self._number)
        shared = np.bincount(self._owners[self._occurs[self._of_run]], minlength=self._number)
        return shared / np.maximum(1, runs)
