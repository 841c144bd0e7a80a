"""Draw the plot of a finding: its lines or bars show the columns of a table."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from .findings import Plot, Table, Value

mpl.use("agg")  # draws files and never opens a window
from matplotlib import pyplot as plt

# Width and height are in inches.
SIZE = 7.0, 4.0
# The bars of a word fill this share of the space that the word has on the x axis.
BAR_SPACE = 0.8


def draw(plot: Plot, table: Table) -> Figure:
    """Return the figure: lines if x has numbers, and bars if it has words."""
    figure, axes = plt.subplots(figsize=SIZE, layout="constrained")
    places = table.column(plot.x)
    if any(isinstance(place, str) for place in places):
        width = BAR_SPACE / len(plot.lines)
        for number, name in enumerate(plot.lines):
            shift = (number - (len(plot.lines) - 1) / 2) * width
            at = [place + shift for place in range(len(places))]
            axes.bar(at, _heights(table.column(name)), width, label=name)
        axes.set_xticks(range(len(places)), list(map(str, places)), fontsize=8)
    else:
        for name in plot.lines:
            at = _heights(places)
            axes.plot(at, _heights(table.column(name)), marker=".", lw=1.2, label=name)
    axes.set(xlabel=plot.x, ylabel=plot.y_label)
    if "x" in plot.log:
        axes.set_xscale("log", base=2)
        axes.set_xticks(_heights(places), list(map(str, places)), fontsize=7)
        axes.minorticks_off()
    if "y" in plot.log:
        axes.set_yscale("log")
    axes.legend(frameon=False, fontsize=8)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write an SVG whose bytes depend on the numbers alone, and close the figure."""
    with mpl.rc_context({"svg.hashsalt": path.name, "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _heights(values: list[Value]) -> list[float]:
    """Return the values as numbers; a missing value becomes nan and leaves a gap."""
    return [float("nan") if value is None else float(value) for value in values]
