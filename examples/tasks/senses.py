"""Find the senses of words: cluster their occurrences, and name each cluster.

python -m examples.tasks.senses --texts lines.txt.xz --words 苹果,病毒,窗口,菜单,长城 \
    --url http://127.0.0.1:8000 --out build/tasks/senses

An occurrence, the first in its line, is represented by its `context`: what the model expects at its
place without seeing it. K-means on unit vectors makes the clusters. A cluster is named by the
pieces that the model expects more in its places (`POST /fill`) than in those of any other cluster.
The program is given no list of senses.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
from bilm_client import BiLMClientError, Client
from matplotlib.figure import Figure
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score

from examples.classifier.errors import ClassifierError, DataError
from examples.classifier.files import write_atomically
from examples.classifier.rows import read_lines
from examples.classifier.service import connect
from examples.tasks.arguments import at_least

WORDS = ("苹果", "病毒", "窗口", "菜单", "长城")
BLANK = "____"
# Up to this many code points of text are kept on each side of an occurrence.
AROUND = 60
# A cluster is named by this many of its occurrences, those nearest to its centre.
NAMED_BY = 20
# The number of pieces that name a cluster, and of guesses that are requested for each place.
NAMES, GUESSES = 6, 50
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Place:
    """An occurrence of a word, as the text left and right of it."""

    left: str
    right: str


@dataclass(frozen=True)
class Senses:
    """The occurrences of a word and their clusters.

    Args:
        word: The word.
        vectors: A unit vector for each occurrence.
        clusters: The cluster of each occurrence, from 0.
        names: The pieces that name each cluster, the most distinctive first.
    """

    word: str
    vectors: Vectors
    clusters: npt.NDArray[np.intp]
    names: list[list[str]]

    def lines(self) -> Iterator[str]:
        """Yield the rows of a table, one for each cluster."""
        separation = silhouette_score(self.vectors, self.clusters, metric="cosine")
        for cluster, names in enumerate(self.names):
            size = int((self.clusters == cluster).sum())
            yield f"| {self.word} | {size} | {'、'.join(names)} | {separation:.3f} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    given = _parser().parse_args(arguments)
    try:
        found = read_places(given.texts, given.words, given.max_occurrences, given.clusters)
        with connect(given.url) as service:
            senses = [
                cluster(service.client, word, places, given.clusters)
                for word, places in found.items()
            ]
        print(_write(given.out, service.revision, senses))
    except (ClassifierError, BiLMClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def read_places(
    paths: Sequence[Path], words: Sequence[str], most: int, least: int
) -> dict[str, list[Place]]:
    """Return the first occurrence of each word in each line, or a sample of `most` for each word.

    Raises:
        DataError: a file cannot be read, or a word does not have more than `least` occurrences.
    """
    found: dict[str, list[Place]] = {word: [] for word in words}
    for _, line in chain.from_iterable(map(read_lines, paths)):
        for word in words:
            left, here, right = line.partition(word)
            if here and "_" not in line:
                found[word].append(Place(left[-AROUND:], right[:AROUND]))
    for word, places in found.items():
        if min(len(places), most) <= least:
            raise DataError(
                f"{word} occurs in {len(places)} lines, of which at most {most} are taken;"
                f" {least} clusters need more"
            )
        order = np.random.default_rng(0).permutation(len(places))[:most]
        found[word] = [places[place] for place in sorted(order)]
    return found


def cluster(client: Client, word: str, places: Sequence[Place], number: int) -> Senses:
    """Cluster the occurrences of a word and name the clusters."""
    texts = [place.left + word + place.right for place in places]
    spans = [[[len(place.left), len(place.left) + len(word)]] for place in places]
    options = {"layers": ["context"], "center": True, "normalize": True}
    found = client.embed(texts, spans=spans, **options)
    vectors = np.concatenate([embedding.vectors[0] for embedding in found])
    means = KMeans(number, n_init=10, random_state=0).fit(vectors)
    if len(set(means.labels_)) < number:
        raise DataError(f"the places of {word} do not differ enough for {number} clusters")
    distances = means.transform(vectors)
    expected = []
    for centre in range(number):
        own = np.flatnonzero(means.labels_ == centre)
        nearest = own[np.argsort(distances[own, centre])[:NAMED_BY]]
        expected.append(_expected(client, word, [places[place] for place in nearest]))
    return Senses(word, vectors, means.labels_, [_telling(one, expected) for one in expected])


def _expected(client: Client, word: str, places: Sequence[Place]) -> Counter[str]:
    """Return the mean probability of each piece in these places."""
    total: Counter[str] = Counter()
    for place in places:
        for guess in client.fill(place.left + BLANK + place.right, top_k=GUESSES)["cloze"]:
            if guess.piece.strip() != word:
                total[guess.piece] += guess.probability / len(places)
    return total


def _telling(own: Counter[str], all_of_them: Sequence[Counter[str]]) -> list[str]:
    beyond = {
        piece: own[piece] - max(other[piece] for other in all_of_them if other is not own)
        for piece in own
    }
    return [piece for piece, _ in (+Counter(beyond)).most_common(NAMES)]


def _write(folder: Path, revision: str, senses: Sequence[Senses]) -> str:
    rows = "\n".join(line for one in senses for line in one.lines())
    head = "| word | occurrences | would fit there, but not in the others | silhouette |\n"
    text = f"model {revision}\n\n{head}|---|---|---|---|\n{rows}\n"
    write_atomically(folder / "report.md", lambda file: file.write(text.encode()))
    image = BytesIO()
    _plot(senses).savefig(image, format="png", dpi=100)
    write_atomically(folder / "senses.png", lambda file: file.write(image.getvalue()))
    return text


def _plot(senses: Sequence[Senses]) -> Figure:
    """Plot each word's occurrences along their first two principal components."""
    figure = Figure(figsize=(3 * len(senses), 3.2), layout="constrained")
    for axes, one in zip(figure.subplots(1, len(senses), squeeze=False)[0], senses, strict=True):
        x, y = PCA(2).fit_transform(one.vectors).T
        axes.scatter(x, y, c=one.clusters, s=8, cmap="tab10")
        # matplotlib's own fonts have no Chinese characters, so the title gives code points.
        axes.set(title=" ".join(f"U+{ord(sign):04X}" for sign in one.word), xticks=[], yticks=[])
    return figure


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.tasks.senses")
    add = parser.add_argument
    add("--texts", type=Path, action="append", required=True, help="one text a line; repeatable")
    add("--words", type=_words, default=WORDS, help=f"(default: {','.join(WORDS)})")
    add("--clusters", type=at_least(2), default=2, help="of each word (default: 2)")
    add("--max-occurrences", type=at_least(3), default=300, help="of each word (default: 300)")
    add("--url", default="http://127.0.0.1:8000", help="the service (default: %(default)s)")
    add("--out", type=Path, required=True, help="folder for the report")
    return parser


def _words(value: str) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(value.split(",")))
    if not all(words):
        raise argparse.ArgumentTypeError(f"{value!r}: a word is empty")
    return words


if __name__ == "__main__":
    sys.exit(main())
