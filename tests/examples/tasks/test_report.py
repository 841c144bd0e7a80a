import json

from examples.tasks.report import Score, curves, table, write_report

SCORES = [
    Score("layer 1", 10, 0, 0.5),
    Score("layer 1", 10, 1, 0.7),
    Score("layer 1", 100, 0, 0.9),
    Score("mix", 10, 0, 0.6, (0.25, 0.75)),
    Score("mix", 100, 0, 0.8, (0.5, 0.5)),
    Score("mix", 100, 1, 0.8, (0.25, 0.75)),
]


def test_the_table_has_mean_and_spread_over_seeds_and_the_mean_mix_of_all_labels():
    lines = table(SCORES).splitlines()
    assert lines[0] == "| | 10 examples | 100 examples | s |"
    assert lines[2] == "| layer 1 | 0.6000 ± 0.1414 | 0.9000 |  |"
    assert lines[3] == "| mix | 0.6000 | 0.8000 ± 0.0000 | 0.38 0.62 |"


def test_where_no_mix_is_learnt_no_column_of_shares_stands_empty():
    lines = table(SCORES[:3]).splitlines()
    assert lines == [
        "| | 10 examples | 100 examples |",
        "|---|---|---|",
        "| layer 1 | 0.6000 ± 0.1414 | 0.9000 |",
    ]


def test_the_curves_go_through_the_means():
    (axes,) = curves("task", SCORES).axes
    drawn = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert drawn["layer 1"] == [[10, 0.6], [100, 0.9]]
    assert drawn["mix"] == [[10, 0.6], [100, 0.8]]


def test_the_report_is_written_for_people_and_for_programs(tmp_path):
    text = write_report(tmp_path, "task", "sha256:1", SCORES)
    assert (tmp_path / "report.md").read_text("utf-8") == text
    told = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert (told["revision"], len(told["scores"])) == ("sha256:1", 6)
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
