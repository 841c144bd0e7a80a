"""Compare the piece ids that two vocabularies give to the lines of text files.

git show cf6680c:models/zh-small/pieces.model > build/before.model
python -m benchmarks.ids build/before.model models/zh-small/pieces.model CORPUS/*.xz

Two vocabularies of the same pieces differ in their normaliser alone. A line may then differ only if
it has a character that one of them spells in another way: Traditional, without content, or a blank.
The program counts the lines that do, and fails if a line differs that has no such character.
"""

import argparse
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import torch

from biLM.errors import SourceError
from biLM.files import numbered_lines
from biLM.tokenizer import Tokenizer
from training.run.provenance import provenance

SHOWN = 12


class Comparison:
    """Counts the lines that two vocabularies read in two ways.

    Args:
        before: The first vocabulary.
        after: The second one, with the same pieces.
    """

    def __init__(self, before: Tokenizer, after: Tokenizer) -> None:
        self.lines, self.kinds, self.characters = Counter[str](), Counter[str](), Counter[str]()
        self._before, self._after = before, after
        self._kind = cache(self._changed)

    def add(self, text: str) -> None:
        """Count one line."""
        changed = [character for character in text if self._kind(character)]
        differs = self._before.ids(text) != self._after.ids(text)
        self.lines["lines"] += 1
        self.lines["characters"] += len(text)
        self.lines["lines with a character that is read in another way"] += bool(changed)
        self.lines["lines that differ"] += differs
        self.lines["lines that differ without one"] += differs and not changed
        self.kinds.update({self._kind(character) for character in changed})
        self.characters.update(changed)

    def _changed(self, character: str) -> str:
        """Return what has changed about a character; nothing if it is spelled as before."""
        spelled = self._after.normalised(character)
        if self._before.normalised(character) == spelled:
            return ""
        if not spelled:
            return "without content"
        return "Traditional" if unicodedata.category(character)[0] == "L" else "a blank"


def main() -> int:
    """Print the counts, and return 1 if a line differs that should not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="compare one line in N")
    given = parser.parse_args()
    print(provenance(torch.device("cpu")))
    found = Comparison(*(Tokenizer(path.read_bytes()) for path in (given.before, given.after)))
    for text in lines(given.files, given.every):
        found.add(text)
    for name, number in found.lines.items():
        print(f"{number:12,} {name}")
    for name, number in found.kinds.most_common():
        print(f"{number:12,} lines with a character that is {name}")
    print("most frequent:", *(f"{c} {number}" for c, number in found.characters.most_common(SHOWN)))
    return int(found.lines["lines that differ without one"] > 0)


def lines(files: Sequence[Path], every: int) -> Iterator[str]:
    """Yield one of every `every` lines of each file."""
    for path in files:
        with path.open("rb") as file:
            for number, text in numbered_lines(file, path, SourceError):
                if number % every == 0:
                    yield text


if __name__ == "__main__":
    sys.exit(main())
