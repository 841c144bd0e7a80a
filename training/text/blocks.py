"""Choose what is held out by blocks of consecutive documents of a source.

Consecutive lines are often paragraphs of one article. If single lines were held out, the model
would be trained on the lines before and after each of them, and know the names and the subject.
"""

import hashlib

# A block has at most this many documents: the lines of some articles, or of one chapter.
MAX_DOCUMENTS = 50
# A block has fewer documents if the corpus is small or they are long, so that about this many
# blocks are held out.
WANTED_BLOCKS = 20
# This block of a source is held out in any case, so that each source but the smallest has
# held-out text, which is then at most a twentieth of it more.
ALWAYS = 20


class Blocks:
    """Divides the documents of one source, which come one after the other, into blocks.

    A hash of the text of its first document decides whether a block is held out, so what is held
    out depends on other sources only as far as `max_characters` does.

    Args:
        one_in: One block in this many is held out.
        max_characters: A block ends with the document that reaches this many.
    """

    def __init__(self, one_in: int, max_characters: int) -> None:
        self._one_in, self._max_characters = one_in, max_characters
        self._number = self._documents = self._characters = 0
        self._is_held_out = False

    def holds_out(self, text: str) -> bool:
        """Return whether the next document is held out."""
        is_full = self._documents >= MAX_DOCUMENTS or self._characters >= self._max_characters
        if is_full or not self._number:
            self._number += 1
            self._documents = self._characters = 0
            chosen = digest_of(text) % self._one_in == 0
            self._is_held_out = chosen or self._number == ALWAYS
        self._documents += 1
        self._characters += len(text)
        return self._is_held_out


def block_characters(num_characters: int, one_in: int) -> int:
    """Return the most characters of a block, in a corpus with this many in all.

    45 million characters and one in 200 give 11,250, more than 50 lines usually have; a million
    characters and one in 20 give 2,500.
    """
    return max(1, num_characters // (one_in * WANTED_BLOCKS))


def digest_of(text: str) -> int:
    """Return the hash of a text that decides on which side it stands."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
