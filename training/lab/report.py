"""Write findings to a folder: a report with plots beside their tables, and all numbers as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biLM.files import to_json, write_atomically

from ..errors import TrainingError
from .findings import Finding, Table, Value
from .plots import draw, save

REPORT, NUMBERS = "README.md", "numbers.json"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Entry:
    """A finding, and the facts of its run: commit, start, hardware, versions, options, seconds."""

    finding: Finding
    facts: Mapping[str, Any]


def read_entries(folder: Path, plan: Mapping[str, Any]) -> dict[str, Entry]:
    """Read the entries that a folder already has for the same plan.

    Raises:
        TrainingError: the folder has findings of another plan or another format version.
    """
    path = folder / NUMBERS
    if not path.exists():
        return {}
    found = json.loads(path.read_text("utf-8"))
    if found["version"] != FORMAT_VERSION:
        raise TrainingError(
            f"{path} has version {found['version']}, not {FORMAT_VERSION}; choose another --out"
        )
    if found["plan"] != plan:
        raise TrainingError(
            f"{path} has findings of another plan: {found['plan']}; choose another --out, or leave"
            " out --only to run all experiments again"
        )
    return {
        name: Entry(Finding.of_json(one["finding"]), one["facts"])
        for name, one in found["experiments"].items()
    }


def write(folder: Path, date: str, plan: Mapping[str, Any], entries: Mapping[str, Entry]) -> None:
    """Write the report and its numbers, but not the plots, which `draw_plots` draws once."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"# The laboratory, {date}", "", *_head(entries)]
    for name, entry in entries.items():
        lines += ["", f"## {name}: {entry.finding.title}", "", entry.finding.setting]
        lines += ["", _source(name, entry)]
        lines += _tables(entry.finding)
    write_atomically(folder / REPORT, ("\n".join(lines) + "\n").encode())
    experiments = {
        name: {"finding": entry.finding.as_json(), "facts": entry.facts}
        for name, entry in entries.items()
    }
    numbers = {"version": FORMAT_VERSION, "plan": plan, "experiments": experiments}
    write_atomically(folder / NUMBERS, to_json(numbers))


def draw_plots(folder: Path, finding: Finding) -> None:
    """Draw every plot of a finding into its own file."""
    folder.mkdir(parents=True, exist_ok=True)
    for plot in finding.plots:
        save(draw(plot, finding.tables[plot.table]), folder / f"{plot.name}.svg")


def as_markdown(table: Table) -> list[str]:
    """Return the lines of a table in Markdown."""
    lines = [f"| {' | '.join(table.columns)} |", "|---" * len(table.columns) + "|"]
    return lines + [f"| {' | '.join(map(written, row))} |" for row in table.rows]


def written(value: Value) -> str:
    """Format a value for a reader: four digits, or a power of ten where there are many digits."""
    if value is None:
        return "none"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def _head(entries: Mapping[str, Entry]) -> list[str]:
    hardware = sorted({entry.facts["hardware"] for entry in entries.values()})
    versions = sorted({entry.facts["versions"] for entry in entries.values()})
    return [
        "Written by `python -m training lab`; every number is also in"
        f" [{NUMBERS}]({NUMBERS}), and the plots show the numbers of the table above them.",
        "",
        f"Machine: {'; '.join(hardware)}. {'; '.join(versions)}.",
    ]


def _source(name: str, entry: Entry) -> str:
    facts = entry.facts
    command = f"`python -m training lab --only {name} {facts['options']}`".replace(" `", "`")
    return f"{command}, at {facts['commit']}, {facts['started']}, {facts['seconds']:,} s."


def _tables(finding: Finding) -> list[str]:
    lines: list[str] = []
    for place, table in enumerate(finding.tables):
        lines += ["", f"**{table.caption}.**", "", *as_markdown(table)]
        for plot in finding.plots:
            if plot.table == place:
                lines += ["", f"![{plot.y_label} by {plot.x}]({plot.name}.svg)"]
    return lines
