"""Tagged sentences, as examples with one row for each token.

There are two file formats, each plain or as `.gz` or `.xz`: `.bmes` has a character and its tag on
each line and a blank line after each sentence; of `.conllu`, the words and UPOS tags are used.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer

from examples.classifier.errors import DataError
from examples.classifier.rows import OPENERS, read_lines
from examples.tasks.mixed import Array, Numbers
from examples.tasks.trial import Examples

# The bag of characters of a token sees the tokens at these distances from it.
WINDOW = (-2, -1, 0, 1, 2)
# What is added to the log-probability for a pair of tags never seen; it outweighs any evidence.
UNSEEN = -1e4
Span = tuple[int, int, str]


@dataclass(frozen=True)
class Tagged:
    """One sentence: its tokens, and a tag for each."""

    tokens: list[str]
    tags: list[str]


def read_tagged(path: Path) -> list[Tagged]:
    """Return the sentences of a file.

    Raises:
        DataError: the file cannot be read, or a line has no tag; the message names the line.
    """
    columns = {".bmes": (0, 1), ".conllu": (1, 3)}
    suffixes = ["", "", *map(str.lower, path.suffixes)]
    kind = suffixes[-2] if suffixes[-1] in OPENERS else suffixes[-1]
    if kind not in columns:
        raise DataError(f"{path} must end in {' or '.join(columns)}, or these and .gz or .xz")
    sentences = [Tagged([], [])]
    for place, line in read_lines(path):
        if not line:
            sentences.append(Tagged([], []))
            continue
        cells = line.split("\t" if kind == ".conllu" else " ")
        if kind == ".conllu" and not cells[0].isdecimal():
            continue  # a comment, or a range of words that have their own lines
        token, tag = columns[kind]
        if len(cells) <= tag:
            raise DataError(f"{place}: {len(cells)} columns; the tag is in column {tag + 1}")
        if not cells[token] or not cells[tag]:
            raise DataError(f"{place}: the token or its tag is empty")
        sentences[-1].tokens.append(cells[token])
        sentences[-1].tags.append(cells[tag])
    if not any(sentence.tokens for sentence in sentences):
        raise DataError(f"{path} has no sentences")
    return [sentence for sentence in sentences if sentence.tokens]


@dataclass(frozen=True)
class Sentences(Examples):
    """Tagged sentences, and the class and vectors of each token.

    Args:
        sentences: The sentences.
        names: Names of the classes.
        targets: Class of each token, from 0.
        layers: Vectors of each token, `[tokens, depth, dim]`.
        are_entities: Whether the score counts entities (spans of `B-`, `M-`, `E-` and `S-`), and
            not single tags.
    """

    sentences: Sequence[Tagged]
    names: Sequence[str]
    targets: Numbers
    layers: Array
    are_entities: bool

    def __len__(self) -> int:
        return len(self.sentences)

    def take(self, items: Numbers) -> Self:
        """Return some of the sentences."""
        rows = np.split(np.arange(len(self.targets)), self._ends[:-1])
        chosen = np.concatenate([rows[item] for item in items])
        sentences = [self.sentences[item] for item in items]
        targets, layers = self.targets[chosen], self.layers[chosen]
        return replace(self, sentences=sentences, targets=targets, layers=layers)

    def scaled(self, scale: Array) -> Self:
        """Return the same sentences, with each layer divided by its scale."""
        return replace(self, layers=self.layers / scale)

    def characters(self, others: Self) -> tuple[csr_matrix, csr_matrix]:
        """Return counts of the tokens in a window around each token, of these and of others."""
        vectorizer = CountVectorizer(analyzer=list, dtype=np.float32)
        return (
            vectorizer.fit_transform(self._windows()),
            vectorizer.transform(others._windows()),
        )

    @property
    def measure(self) -> str:
        """What the score measures, and on how many sentences."""
        kind = "F1 of entities" if self.are_entities else "accuracy of tags"
        return f"{kind} in {len(self):,} sentences"

    def score(self, log_p: Array, learnt_from: Self) -> float:
        """Return the accuracy of the tags, or the F1 of entities.

        For entities, a tag may only follow a tag that it followed in `learnt_from`.
        """
        if not self.are_entities:
            return float((log_p.argmax(axis=1) == self.targets).mean())
        allowed = learnt_from.transitions()
        paths = [viterbi(part, allowed) for part in np.split(log_p, self._ends[:-1])]
        found = [set(spans([self.names[tag] for tag in path])) for path in paths]
        return f1(found, [set(spans(sentence.tags)) for sentence in self.sentences])

    def transitions(self) -> Array:
        """Return 0 where the column's tag was seen after the row's, and UNSEEN elsewhere.

        The last row stands for the begin of a sentence, the last column for its end.
        """
        number, num = {name: tag for tag, name in enumerate(self.names)}, len(self.names)
        seen = np.full((num + 1, num + 1), UNSEEN, np.float32)
        for sentence in self.sentences:
            tags = [num, *(number[tag] for tag in sentence.tags), num]
            seen[tags[:-1], tags[1:]] = 0
        return seen

    @property
    def _ends(self) -> Numbers:
        return np.cumsum([len(sentence.tokens) for sentence in self.sentences])

    def _windows(self) -> Iterator[list[str]]:
        for sentence in self.sentences:
            known = dict(enumerate(sentence.tokens))
            for place in known:
                near = {offset: known.get(place + offset, "") for offset in WINDOW}
                pairs = [f"{n},{n + 1}:{near[n]} {near[n + 1]}" for n in WINDOW[:-1]]
                yield [f"{offset}:{token}" for offset, token in near.items()] + pairs


def viterbi(log_p: Array, allowed: Array) -> Numbers:
    """Return the most probable sequence of tags.

    Args:
        log_p: Log-probability of each tag, `[tokens, tags]`, for at least one token.
        allowed: What is added if the column's tag follows the row's, `[tags + 1, tags + 1]`. The
            last row stands for the begin of the sentence, the last column for its end.
    """
    best, came_from = log_p[0] + allowed[-1, :-1], []
    for scores in log_p[1:]:
        reached = best[:, None] + allowed[:-1, :-1]
        came_from.append(reached.argmax(axis=0))
        best = reached.max(axis=0) + scores
    path = [int((best + allowed[:-1, -1]).argmax())]
    for back in reversed(came_from):
        path.append(int(back[path[-1]]))
    return np.array(path[::-1])


def spans(tags: Sequence[str]) -> Iterator[Span]:
    """Yield the entities of a sentence as (begin, end, kind); incomplete ones are left out."""
    begin = None
    for place, tag in enumerate(tags):
        position, _, kind = tag.partition("-")
        if position == "S":
            yield place, place + 1, kind
        elif position == "B":
            begin = (place, kind)
        elif position == "E" and begin and begin[1] == kind:
            yield begin[0], place + 1, kind
        if position not in ("B", "M") or (position == "M" and begin and begin[1] != kind):
            begin = None


def f1(found: Sequence[set[Span]], expected: Sequence[set[Span]]) -> float:
    """Return the harmonic mean of precision and recall over all sentences."""
    right = sum(len(one & other) for one, other in zip(found, expected, strict=True))
    return 2 * right / max(1, sum(map(len, found)) + sum(map(len, expected)))
