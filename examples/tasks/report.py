"""Scores as a table, a plot of learning curves and JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from statistics import mean, stdev

from matplotlib.figure import Figure

from examples.classifier.files import write_atomically


@dataclass(frozen=True)
class Score:
    """The score of one classifier in one run.

    Args:
        name: Name of the classifier.
        labels: Number of texts or sentences that it learned from.
        seed: Seed that drew them.
        value: Accuracy or F1.
        s: The share of each layer; empty if the classifier learns no mix.
    """

    name: str
    labels: int
    seed: int
    value: float
    s: tuple[float, ...] = ()


def write_report(folder: Path, title: str, revision: str, scores: Sequence[Score]) -> str:
    """Write `report.json`, `report.md` and `curves.png`; return the table.

    Args:
        folder: Folder for the three files.
        title: The task and its measure.
        revision: Revision of the model.
        scores: The scores, at least one.
    """
    told = {"title": title, "revision": revision, "scores": [asdict(score) for score in scores]}
    data = json.dumps(told, ensure_ascii=False, indent=2) + "\n"
    text = f"{title}\n\nmodel {revision}\n\n{table(scores)}\n"
    write_atomically(folder / "report.json", lambda file: file.write(data.encode()))
    write_atomically(folder / "report.md", lambda file: file.write(text.encode()))
    image = BytesIO()
    curves(title, scores).savefig(image, format="png", dpi=120)
    write_atomically(folder / "curves.png", lambda file: file.write(image.getvalue()))
    return text


def table(scores: Sequence[Score]) -> str:
    """Return a Markdown table: a row per classifier, a column per number of labels, and shares."""
    names, labels = _distinct(scores)
    heads = [f"{number:,} examples" for number in labels]
    heads += ["s"] * any(score.s for score in scores)
    lines = [f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for name in names:
        cells = [
            _cell([x.value for x in scores if (x.name, x.labels) == (name, n)]) for n in labels
        ]
        shares = [x.s for x in scores if (x.name, x.labels) == (name, labels[-1]) and x.s]
        cells += [" ".join(f"{mean(share):.2f}" for share in zip(*shares, strict=True))]
        lines.append(f"| {name} | {' | '.join(cells[: len(heads)])} |")
    return "\n".join(lines)


def curves(title: str, scores: Sequence[Score]) -> Figure:
    """Plot the mean over seeds against the number of labels, with a line for each classifier."""
    names, labels = _distinct(scores)
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for name in names:
        means = [mean(x.value for x in scores if (x.name, x.labels) == (name, n)) for n in labels]
        axes.plot(labels, means, marker="o", label=name)
    axes.set(title=title, xlabel="examples", xscale="log")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def _cell(values: Sequence[float]) -> str:
    spread = f" ± {stdev(values):.4f}" if len(values) > 1 else ""
    return f"{mean(values):.4f}{spread}"


def _distinct(scores: Sequence[Score]) -> tuple[list[str], list[int]]:
    return list(dict.fromkeys(x.name for x in scores)), sorted({x.labels for x in scores})
