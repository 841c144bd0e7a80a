"""Read a task: labelled texts, each given as the biLM's layers represent it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm import tqdm

from biLM.encoder import Encoder
from biLM.files import numbered_lines
from biLM.questions.readout import Readout

from ..errors import TaskError

TEXTS_PER_CALL = 256
# One text in this many is held back from learning.
HELD_BACK = 10


@dataclass(frozen=True)
class Task:
    """Texts and their labels.

    Args:
        layers: Mean over the pieces of each text, for every layer.
        labels: The label of each text, as a number.
        num_labels: Number of different labels in the task, whether or not these texts have them.
    """

    layers: Float[Tensor, "texts depth dim"]
    labels: Int[Tensor, " texts"]
    num_labels: int

    def only(self, some: Int[Tensor, " _"]) -> "Task":
        """Return the task with only some of the texts, chosen by number."""
        return replace(self, layers=self.layers[some], labels=self.labels[some])


def read_task(
    encoder: Encoder, paths: Sequence[Path], text_column: int, label_column: int, center: bool
) -> list[Task]:
    """Read files of tab-separated columns, counted from 0; the first file defines the labels.

    Raises:
        TaskError: a file cannot be read, a line lacks a column, the first file has fewer than two
            labels, or a label is only in a later file.
    """
    rows = [_rows(path, text_column, label_column) for path in paths]
    names = sorted({label for _, label in rows[0]})
    if len(names) < 2:
        raise TaskError(
            f"{paths[0]} has {len(names)} labels; a task needs at least two: check --label-column"
        )
    numbers = {name: number for number, name in enumerate(names)}
    tasks = []
    for path, some in zip(paths, rows, strict=True):
        unknown = {label for _, label in some} - numbers.keys()
        if unknown:
            raise TaskError(
                f"{path} has labels that {paths[0]} lacks: {sorted(unknown)[:5]}; remove them"
            )
        labels = torch.tensor([numbers[label] for _, label in some])
        layers = _layers(encoder, [text for text, _ in some], center)
        tasks.append(Task(layers, labels, len(names)))
    return tasks


def split_task(task: Task, seed: int = 0) -> tuple[Task, Task]:
    """Split a task into nine tenths and one tenth, where no test texts are given."""
    front, back = parted(len(task.labels), torch.Generator().manual_seed(seed))
    return task.only(front), task.only(back)


def parted(number: int, chance: torch.Generator) -> tuple[Int[Tensor, " _"], Int[Tensor, " _"]]:
    """Split the numbers below `number` at random: nine tenths, and one tenth that is held back."""
    order = torch.randperm(number, generator=chance)
    return order[torch.arange(number) % HELD_BACK > 0], order[::HELD_BACK]


def _layers(
    encoder: Encoder, texts: Sequence[str], center: bool
) -> Float[Tensor, "texts depth dim"]:
    readout = Readout(tuple(range(encoder.artifact.config.num_representations)), center=center)
    found = []
    for begin in tqdm(range(0, len(texts), TEXTS_PER_CALL), unit=" batches"):
        some = [encoder.text(text) for text in texts[begin : begin + TEXTS_PER_CALL]]
        vectors = encoder.embed(some, [readout] * len(some))
        found += [torch.from_numpy(layers[:, 0]) for layers in vectors]
    return torch.stack(found)


def _rows(path: Path, text_column: int, label_column: int) -> list[tuple[str, str]]:
    rows, needed = [], max(text_column, label_column) + 1
    if not path.is_file():
        raise TaskError(f"{path} is not a file; name a file of tab-separated columns")
    with path.open("rb") as file:
        for number, line in numbered_lines(file, path, TaskError):
            if not line.strip():
                continue
            columns = [column.strip() for column in line.split("\t")]
            if len(columns) < needed:
                raise TaskError(
                    f"{path}, line {number}: {len(columns)} columns, but the text is in column"
                    f" {text_column} and the label in column {label_column}, counted from 0;"
                    " correct the line, or set --text-column and --label-column"
                )
            rows.append((columns[text_column], columns[label_column]))
    return rows
