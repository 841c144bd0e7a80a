"""`python -m training lab --quick` from end to end, and what it refuses."""

import json
import re

import pytest

from training.__main__ import main
from training.cells.choice import CELLS
from training.lab import corpus as text
from training.lab.command import EXPERIMENTS
from training.lab.findings import Finding
from training.lab.plots import draw
from training.lab.report import written
from training.lab.sizes import Plan

pytestmark = pytest.mark.long

HAN = re.compile("[\u4e00-\u9fff]")


# These tests share a report for which a dozen models are trained.
trains = pytest.mark.long


@pytest.fixture(scope="module")
def report(toy_text, tmp_path_factory):
    """Return the folder that a quick run of all experiments on the toy text writes."""
    folder = tmp_path_factory.mktemp("lab")
    given = ["lab", "--quick", "--corpus", str(toy_text), "--only", *EXPERIMENTS]
    assert main([*given, "--out", str(folder / "out"), "--work", str(folder / "work")]) == 0
    (dated,) = (folder / "out").iterdir()
    return dated


def findings(folder):
    numbers = json.loads((folder / "numbers.json").read_text())
    return {
        name: Finding.of_json(entry["finding"]) for name, entry in numbers["experiments"].items()
    }


def rows_below(markdown, caption):
    """Return the cells of the table with a caption as they are written."""
    lines = markdown.split(f"**{caption}.**\n\n")[1].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@trains
def test_every_experiment_is_in_the_report_of_the_day(report):
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", report.name)
    assert list(findings(report)) == list(EXPERIMENTS)
    markdown = (report / "README.md").read_text("utf-8")
    for name, finding in findings(report).items():
        assert f"## {name}: {finding.title}" in markdown
        assert finding.setting in markdown


@trains
def test_the_tables_of_the_report_are_the_numbers(report):
    markdown = (report / "README.md").read_text("utf-8")
    for finding in findings(report).values():
        for table in finding.tables:
            header, _, *rows = rows_below(markdown, table.caption)
            assert header == list(table.columns)
            assert rows == [[written(value) for value in row] for row in table.rows]


@trains
def test_the_plots_show_the_numbers_of_the_table_above_them(report):
    markdown = (report / "README.md").read_text("utf-8")
    for finding in findings(report).values():
        for plot in finding.plots:
            table = finding.tables[plot.table]
            image = markdown.index(f"({plot.name}.svg)")
            assert markdown.index(table.caption) < image
            assert (report / f"{plot.name}.svg").stat().st_size < 100_000
            (axes,) = draw(plot, table).axes
            drawn = [list(line.get_ydata()) for line in axes.get_lines()]
            drawn += [[bar.get_height() for bar in group] for group in axes.containers]
            assert drawn == [table.column(name) for name in plot.lines]


@trains
def test_the_report_tells_machine_commit_and_seed_and_shows_no_text(report):
    markdown = (report / "README.md").read_text("utf-8")
    assert "torch 2." in markdown
    of_one_seed = {"cells", "gradients", "inputs", "directions"}
    assert markdown.count("One seed (1)") == len(of_one_seed)
    assert not HAN.search(markdown)
    numbers = json.loads((report / "numbers.json").read_text("utf-8"))
    for entry in numbers["experiments"].values():
        facts = {"commit", "started", "hardware", "versions", "seconds", "options"}
        assert facts <= entry["facts"].keys()


@trains
def test_all_cells_are_measured_and_the_lstm_along_both_parts_of_its_state(report):
    found = findings(report)
    assert found["cells"].tables[0].column("cell") == list(CELLS)
    lines = ["lstm dh", "lstm dc", "peephole dh", "peephole dc", "gru dh", "rnn dh"]
    for table in found["gradients"].tables[:2]:
        assert list(table.columns) == ["k", *lines]
        assert all(norm > 0 for row in table.rows for norm in row)


@trains
def test_the_lstm_of_other_seeds_begins_with_the_one_that_is_compared(report):
    bits, _, _, seeds = findings(report)["cells"].tables
    row = dict(zip(bits.columns, bits.rows[0], strict=True))
    first, second = seeds.rows
    assert first[2:] == (row["forward bits, equal pieces"], row["backward bits, equal pieces"])
    assert second[2:] != first[2:]


@trains
def test_one_experiment_is_measured_again_without_the_others(report, capsys):
    before = json.loads((report / "numbers.json").read_text("utf-8"))["experiments"]
    given = ["lab", "--quick", "--only", "clipping", "--out", str(report.parent)]
    assert main(given) == 0
    after = json.loads((report / "numbers.json").read_text("utf-8"))["experiments"]
    assert list(after) == list(before)
    assert after["gradients"] == before["gradients"]
    assert after["clipping"]["finding"] == before["clipping"]["finding"]  # the same seeds
    assert capsys.readouterr().out == f"{report}\n"


@trains
def test_findings_of_another_plan_are_not_mixed_in(report, capsys):
    given = ["lab", "--minutes", "0.01", "--only", "clipping", "--out", str(report.parent)]
    assert main(given) == 2
    assert "findings of another plan" in (told := capsys.readouterr().err)
    assert "choose another --out" in told


def test_text_that_is_missing_is_asked_for_by_experiment(capsys, tmp_path):
    assert main(["lab", "--quick", "--out", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "cells, gradients, inputs, directions need text" in told
    assert "--only clipping copying" in told
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf"])
def test_minutes_must_be_a_number_above_0(minutes, capsys):
    assert main(["lab", f"--minutes={minutes}", "--only", "clipping"]) == 2
    assert "it must be a finite number above 0" in capsys.readouterr().err


def test_a_text_of_which_nothing_is_held_out_is_refused(tmp_path, capsys):
    (tmp_path / "one.txt").write_text("我吃了一个苹果。\n", encoding="utf-8")
    given = ["lab", "--quick", "--corpus", str(tmp_path / "one.txt"), "--work", str(tmp_path)]
    assert main([*given, "--out", str(tmp_path / "out")]) == 2
    assert "none of the documents is held out" in capsys.readouterr().err


@pytest.mark.long
def test_the_text_is_prepared_once_and_again_when_it_changes(toy_text, tmp_path, monkeypatch):
    made = []
    build = text.build_shards
    monkeypatch.setattr(text, "build_shards", lambda *given: made.append(1) or build(*given))
    copy = tmp_path / "toy.txt"
    copy.write_bytes(toy_text.read_bytes())
    for _ in range(2):
        text.prepare([copy], tmp_path / "work", Plan.quick())
    assert len(made) == 1
    copy.write_bytes(toy_text.read_bytes() + "又一个苹果。\n".encode())
    text.prepare([copy], tmp_path / "work", Plan.quick())
    assert len(made) == 2
