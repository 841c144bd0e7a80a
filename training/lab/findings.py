"""What an experiment found: tables of numbers, and plots of their columns."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

Value = str | int | float | None  # None where nothing was measured


@dataclass(frozen=True)
class Table:
    """Numbers with names.

    Args:
        caption: What they are, with their unit.
        columns: Names, each once.
        rows: A value for every column.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]

    def column(self, name: str) -> list[Value]:
        """The values of one column."""
        place = self.columns.index(name)
        return [row[place] for row in self.rows]


@dataclass(frozen=True)
class Plot:
    """Columns of a table over another of its columns; it has no numbers of its own.

    Args:
        name: Of the file, without its ending.
        table: Place of the table in its finding.
        x: The column along which the others are drawn: numbers for lines, words for bars.
        lines: The columns that are drawn.
        y_label: What they measure.
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
    """One experiment.

    Args:
        title: Its question.
        setting: What was done, with sizes and seeds, in words.
        tables: What came out.
        plots: Of the tables.
    """

    title: str
    setting: str
    tables: tuple[Table, ...]
    plots: tuple[Plot, ...]

    def as_json(self) -> dict[str, Any]:
        """For `json`, which makes lists of tuples."""
        return asdict(self)

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> "Finding":
        """What `as_json` gave, read back."""
        tables = [
            Table(one["caption"], tuple(one["columns"]), tuple(map(tuple, one["rows"])))
            for one in found["tables"]
        ]
        plots = [Plot(**{**one, "lines": tuple(one["lines"])}) for one in found["plots"]]
        return cls(found["title"], found["setting"], tuple(tables), tuple(plots))
