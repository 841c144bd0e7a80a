"""Define what an experiment finds: tables of numbers, and plots of their columns."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

Value = str | int | float | None  # None where nothing was measured


@dataclass(frozen=True)
class Table:
    """Numbers in named columns.

    Args:
        caption: What the numbers are, with their unit.
        columns: Names of the columns, all different.
        rows: The rows, each with a value for every column.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]

    def column(self, name: str) -> list[Value]:
        """Return the values of one column."""
        place = self.columns.index(name)
        return [row[place] for row in self.rows]


@dataclass(frozen=True)
class Plot:
    """Columns of a table, drawn over another of its columns; it has no numbers of its own.

    Args:
        name: Name of the file, without its suffix.
        table: Index of the table in its finding.
        x: The column along the x axis: numbers give lines, words give bars.
        lines: The columns that are drawn.
        y_label: What these columns measure.
        log: The axes with a logarithmic scale: any of the letters x and y.
    """

    name: str
    table: int
    x: str
    lines: tuple[str, ...]
    y_label: str
    log: str = ""


@dataclass(frozen=True)
class Finding:
    """The result of one experiment.

    Args:
        title: What the experiment examines, as a heading.
        setting: What was done, in words, with sizes and seeds.
        tables: The numbers that were measured.
        plots: Plots of the tables.
    """

    title: str
    setting: str
    tables: tuple[Table, ...]
    plots: tuple[Plot, ...]

    def as_json(self) -> dict[str, Any]:
        """Return a dictionary for `json`, which turns the tuples into lists."""
        return asdict(self)

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> "Finding":
        """Restore a finding from what `as_json` returned."""
        tables = [
            Table(one["caption"], tuple(one["columns"]), tuple(map(tuple, one["rows"])))
            for one in found["tables"]
        ]
        plots = [Plot(**{**one, "lines": tuple(one["lines"])}) for one in found["plots"]]
        return cls(found["title"], found["setting"], tuple(tables), tuple(plots))
