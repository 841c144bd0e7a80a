"""Show how a model sees words of several senses by their occurrences in held-out text.

The sheet lists, for every occurrence, the other occurrence with the highest cosine, and the pieces
that the cloze head expects in its place (Melamud et al. 2016): 橘子 for 苹果 in one sentence, and
微软 in the other.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import sentencepiece
from sklearn.decomposition import PCA

from biLM.encoder import Encoder
from biLM.questions.readout import Readout

from ..text.shards import Shards

mpl.use("agg")  # draws files and never opens a window
from matplotlib import pyplot as plt

WORDS = ("苹果", "病毒", "窗口", "菜单", "水分", "黄牛", "打", "花", "意思")
MAX_OCCURRENCES = 24
BLANK = "____"
# The sheet shows this many characters on each side of a word.
WINDOW = 5
NUM_EXPECTED = 5
SHEET, PLOT = "polysemy.md", "polysemy.png"
PLOTS_PER_ROW = 3


@dataclass(frozen=True)
class Occurrence:
    """A word in a held-out row: the source, the text, and the begin and end of the word in it."""

    source: str
    text: str
    begin: int
    end: int

    def window(self) -> str:
        """Return the word in bold with a few characters on each side."""
        left = self.text[max(0, self.begin - WINDOW) : self.begin]
        right = self.text[self.end : self.end + WINDOW]
        return f"{left}**{self.text[self.begin : self.end]}**{right}".replace("|", "\\|")


def write_sheet(encoder: Encoder, shards: Shards, words: Sequence[str], out: Path) -> None:
    """Write `polysemy.md` and `polysemy.png` into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    found = {word: occurrences(shards, word) for word in words}
    lines = [
        "# Words of several senses",
        "",
        f"`{encoder.artifact.id}`, mix `default`, centred, on held-out text. Each row: an"
        " occurrence, its nearest other one and their cosine, and what the model expects in its"
        " place without a look at it. The plot shows their first two principal components.",
        "",
        f"![]({PLOT})",
    ]
    planes = []
    for number, (word, places) in enumerate(found.items(), start=1):
        lines += ["", f"## {number}. {word}", ""]
        if len(places) < 2:
            lines.append(f"{len(places)} occurrences in the held-out text: too few to compare.")
            continue
        vectors = unit_vectors(encoder, places)
        lines += table(encoder, places, vectors)
        planes.append((number, PCA(2).fit_transform(vectors)))
    (out / SHEET).write_text("\n".join(lines) + "\n", encoding="utf-8")
    plot(planes, out / PLOT)


def occurrences(shards: Shards, word: str) -> list[Occurrence]:
    """Draw up to MAX_OCCURRENCES of a word in the held-out rows, the same ones in every call."""
    found = list(_every_occurrence(shards, word))
    return random.Random(1).sample(found, min(MAX_OCCURRENCES, len(found)))


def unit_vectors(encoder: Encoder, places: Sequence[Occurrence]) -> npt.NDArray[np.float32]:
    """Return the vector of each occurrence, centred and of unit length: `[occurrences, dim]`."""
    readout = Readout(encoder.mix("default"), center=True, normalize=True)
    passages = [encoder.spans(place.text, [(place.begin, place.end)]) for place in places]
    return np.concatenate(encoder.embed(passages, [readout] * len(passages)))


def table(
    encoder: Encoder, places: Sequence[Occurrence], vectors: npt.NDArray[np.float32]
) -> list[str]:
    """Return the table of a word's occurrences as lines of Markdown."""
    cosines = vectors @ vectors.T - 2 * np.eye(len(vectors), dtype=np.float32)
    nearest = cosines.argmax(axis=1)
    lines = ["| | occurrence | source | nearest | expected in its place |", "|---|---|---|---|---|"]
    for number, (place, near) in enumerate(zip(places, nearest, strict=True), start=1):
        cosine = cosines[number - 1, near]
        lines.append(
            f"| {number} | {place.window()} | {place.source} | {near + 1} ({cosine:.2f})"
            f" | {expected(encoder, place)} |"
        )
    return lines


def expected(encoder: Encoder, place: Occurrence) -> str:
    """Return the most probable pieces in the place of an occurrence."""
    blank = f"{place.text[: place.begin]}{BLANK}{place.text[place.end :]}"
    found = encoder.fill(blank, NUM_EXPECTED)["cloze"]
    return " ".join(one.piece for one in found).replace("|", "\\|")


def plot(planes: Sequence[tuple[int, npt.NDArray[np.float32]]], path: Path) -> None:
    """Plot the occurrences of each word, labelled with their numbers in the sheet."""
    num_rows = max(1, -(-len(planes) // PLOTS_PER_ROW))
    size = (3.2 * PLOTS_PER_ROW, 3.0 * num_rows)
    figure, grid = plt.subplots(
        num_rows, PLOTS_PER_ROW, figsize=size, layout="constrained", squeeze=False
    )
    for axes in grid.flat[len(planes) :]:
        axes.set_axis_off()
    for axes, (number, points) in zip(grid.flat, planes, strict=False):
        axes.set_title(f"word {number}", fontsize=9)  # the word itself would need a Chinese font
        axes.scatter(*points.T, s=6, alpha=0.3)
        for label, point in enumerate(points, start=1):
            axes.annotate(str(label), point, fontsize=7, ha="center", va="center")
        axes.set(xticks=[], yticks=[])
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _every_occurrence(shards: Shards, word: str) -> Iterator[Occurrence]:
    processor = sentencepiece.SentencePieceProcessor(model_file=str(shards.vocabulary))
    for source, shard in shards.held_out().items():
        for row in range(len(shard)):
            text = str(processor.decode(shard.row(row).tolist()))
            begin = text.find(word)
            # Only the first in a row counts: two in one sentence rarely have two senses.
            if begin >= 0 and BLANK[:2] not in text:
                yield Occurrence(source, text, begin, begin + len(word))
