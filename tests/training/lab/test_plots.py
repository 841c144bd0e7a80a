import math

import pytest

from training.lab.findings import Finding, Plot, Table
from training.lab.plots import draw, save

pytestmark = pytest.mark.long

LINES = Table("caption", ("k", "one", "two"), ((1, 0.5, 1e-9), (2, 0.25, None), (4, 0.125, 3e-12)))
BARS = Table("caption", ("cell", "at 1", "at 10"), (("lstm", 0.25, 0.5), ("rnn", 0.125, 0.375)))


def test_every_line_carries_the_numbers_of_its_column():
    figure = draw(Plot("p", 0, "k", ("one", "two"), "norm", "xy"), LINES)
    (axes,) = figure.axes
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert list(lines) == ["one", "two"]
    assert lines["one"].get_xdata().tolist() == [1, 2, 4]
    assert lines["one"].get_ydata().tolist() == [0.5, 0.25, 0.125]
    first, gap, last = lines["two"].get_ydata().tolist()
    assert (first, last) == (1e-9, 3e-12)
    assert math.isnan(gap)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("k", "norm")


def test_every_bar_is_as_high_as_its_number():
    (axes,) = draw(Plot("p", 0, "cell", ("at 1", "at 10"), "share"), BARS).axes
    heights = [[bar.get_height() for bar in group] for group in axes.containers]
    assert heights == [[0.25, 0.125], [0.5, 0.375]]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["lstm", "rnn"]


def test_a_plot_of_the_same_numbers_is_the_same_file(tmp_path):
    plot = Plot("p", 0, "k", ("one",), "norm")
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        save(draw(plot, LINES), tmp_path / name / "p.svg")
    first, second = (tmp_path / name / "p.svg" for name in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes().startswith(b"<?xml")


def test_a_finding_survives_its_way_through_json():
    finding = Finding("title", "setting", (LINES, BARS), (Plot("p", 0, "k", ("one",), "norm"),))
    assert Finding.of_json(finding.as_json()) == finding
    with pytest.raises(ValueError, match="tuple"):
        LINES.column("three")
