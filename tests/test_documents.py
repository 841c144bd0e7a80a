"""The generated indexes of the documents list what is there, and refuse what they cannot list."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ACCEPTED = "# 1. A choice\n\n2026-11-21 · accepted · theme: model\n\n## Context\n"


def load(name):
    """A program of docs/, which is a folder of pages and no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"docs/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


decision_index = load("decision_index")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "0001-a-choice.md").write_text(ACCEPTED, "utf-8")
    return tmp_path


def test_the_index_of_decisions_is_the_generated_one():
    committed = (ROOT / "docs/decisions/README.md").read_text("utf-8")
    assert committed == decision_index.page(), "run python docs/generate.py"


def test_every_decision_has_a_row_and_no_row_leads_nowhere():
    files = {path.name for path in (ROOT / "docs/decisions").glob("0*.md")}
    rows = (ROOT / "docs/decisions/README.md").read_text("utf-8").partition("| decision |")[2]
    listed = [line.split("](")[1].partition(")")[0] for line in rows.splitlines()[2:]]
    assert sorted(listed) == sorted(files)


def test_a_row_holds_what_the_head_says(folder):
    text = "# 12. Another\n\n2026-11-22 · accepted, changed\nby 1 · theme: page\n\nMore.\n"
    (folder / "0012-another.md").write_text(text, "utf-8")
    row = "| 12 | [Another](0012-another.md) | 2026-11-22 | accepted, changed by 1 | page |"
    assert row in decision_index.page(folder).splitlines()


@pytest.mark.parametrize(
    ("found", "instead"),
    [
        ("2026-11-21 · ", ""),
        ("2026-11-21", "yesterday"),
        ("accepted · ", ""),
        ("accepted", "perhaps"),
        (" · theme: model", ""),
        ("theme: model", "theme: weather"),
    ],
)
def test_a_decision_without_date_status_or_known_theme_is_refused(folder, found, instead):
    assert found in ACCEPTED
    bad = ACCEPTED.replace("# 1.", "# 2.").replace(found, instead)
    (folder / "0002-bad.md").write_text(bad, "utf-8")
    with pytest.raises(decision_index.DecisionError, match=r"0002-bad\.md"):
        decision_index.page(folder)


@pytest.mark.parametrize(
    "status", ["superseded by 3", "accepted, one part superseded by [3](x.md)"]
)
def test_a_decision_superseded_by_one_that_does_not_exist_is_refused(folder, status):
    superseded = ACCEPTED.replace("# 1.", "# 2.").replace("accepted", status)
    (folder / "0002-old.md").write_text(superseded, "utf-8")
    with pytest.raises(decision_index.DecisionError, match="no such decision"):
        decision_index.page(folder)
    (folder / "0003-new.md").write_text(ACCEPTED.replace("# 1.", "# 3."), "utf-8")
    assert "0003-new.md" in decision_index.page(folder)


def test_two_decisions_of_one_number_are_refused(folder):
    (folder / "0001-another.md").write_text(ACCEPTED, "utf-8")
    with pytest.raises(decision_index.DecisionError, match="has the number of"):
        decision_index.page(folder)
