"""Links of the documents lead somewhere; their indexes list what is there, and refuse the rest.

The tables of the architecture have a row for every module.
"""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ACCEPTED = "# 1. A choice\n\n2026-11-21 · accepted · theme: model\n\n## Context\n"


def load(name):
    """Import a program of docs/, which is a folder of pages and not a package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"docs/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES = ("*.md", "docs/**/*.md", "examples/**/*.md", "client/*.md", "benchmarks/results/*.md")
decision_index = load("decision_index")
result_index = load("result_index")


def anchors(page):
    """Return the anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(root):
    """Yield each link to a missing file or heading of the repository, with its page."""
    for page in (page for pattern in PAGES for page in root.glob(pattern)):
        text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
        for link in re.findall(r"\]\((?![a-z]+:)([^)\s]+)\)", text):
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                yield page.relative_to(root).as_posix(), link


def test_every_link_leads_somewhere():
    assert not list(dead_links(ROOT))


@pytest.mark.parametrize("link", ["gone.md", "there.md#gone", "#gone", "../docs/gone/"])
def test_a_link_that_leads_nowhere_is_found(tmp_path, link):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/there.md").write_text("# It is `here`, now\n", "utf-8")
    good = "[a](there.md#it-is-here-now) [b](https://gone.example) ```[c](gone.md)```"
    (tmp_path / "docs/page.md").write_text(f"{good} [d]({link})\n", "utf-8")
    assert list(dead_links(tmp_path)) == [("docs/page.md", link)]


def tables_of_modules(page):
    """Return the names in each table of modules, by the package or folder that it describes."""
    head = r"(?:### (\w+), from[^\n]*\n\n\| module|\| in `(\w+)/`) \| job \|\n((?:\|.*\n)+)"
    return {
        package or folder: set(re.findall(r"`(?:\w+/)*(\w+)/?`", rows))
        for package, folder, rows in re.findall(head, page)
    }


@pytest.mark.parametrize("package", ["biLM", "service", "training"])
def test_every_module_stands_in_a_table_of_the_architecture(package):
    """A folder without a table of its own is described in that of the folder above."""
    tables = tables_of_modules((ROOT / "docs/architecture.md").read_text("utf-8"))
    for path in sorted((ROOT / package).rglob("[!_]*.py")):
        folder = path.parent if path.parent.name in tables else path.parent.parent
        assert path.stem in tables[folder.name], path.relative_to(ROOT)


def test_tables_of_modules_worked_by_hand():
    page = "### door, from the street inwards\n\n| module | job |\n|---|---|\n| `a`, `b/` | `c` |\n"
    inside = "\n| in `b/` | job |\n|---|---|\n| `a/d` | `e.json` |\n\n| step | reads |\n| `f` | |\n"
    assert tables_of_modules(page + inside) == {"door": {"a", "b", "c"}, "b": {"d"}}


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


RUN = "$ python -m benchmarks.speed --all   # twice\n{'started': '2026-11-2%d', 'hardware': 'a'}\n"


@pytest.fixture
def root(tmp_path):
    """Make a repository with one benchmark, its result, and a decision that cites an older one."""
    files = {
        "benchmarks/speed.py": '"""How fast?\n\nMore.\n"""\n',
        "benchmarks/results/2026-11-22-speed.txt": RUN % 2 + "slow 9,999.5 ms\n",
        "benchmarks/results/2026-11-21-old.txt": RUN % 1,
        "benchmarks/results/figures.toml": '[speed]\nfigure = "9,999.5 ms"\n',
        "docs/decisions/0003-slow.md": "See [it](../../benchmarks/results/2026-11-21-old.txt).\n",
        "docs/models/mine/first/notes.txt": "no result\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def test_the_index_of_results_is_the_generated_one():
    committed = (ROOT / "benchmarks/results/README.md").read_text("utf-8")
    assert committed == result_index.page(), "run python docs/generate.py"


def test_a_benchmark_has_a_row_and_what_is_cited_another(root):
    lines = result_index.page(root).splitlines()
    assert (
        "| [speed](../speed.py) `python -m benchmarks.speed --all` | How fast? | 9,999.5 ms"
        " | [2026-11-22](2026-11-22-speed.txt) | a"
        " | [3](../../docs/decisions/0003-slow.md) |"
    ) in lines
    assert (
        "| [2026-11-21-old.txt](2026-11-21-old.txt)"
        " | [0003-slow](../../docs/decisions/0003-slow.md) |"
    ) in lines


def test_the_newest_result_may_lie_beside_a_model(root):
    (root / "docs/models/mine/first/speed.txt").write_text(RUN % 3 + "9,999.5\n", "utf-8")
    with pytest.raises(result_index.ResultError, match=r"2026-11-22-speed\.txt is neither"):
        result_index.page(root)
    (root / "benchmarks/results/2026-11-22-speed.txt").unlink()
    assert "[2026-11-23](../../docs/models/mine/first/speed.txt)" in result_index.page(root)


@pytest.mark.parametrize("name", ["2026-11-20-speed.txt", "2026-11-20-notes.txt", "2026-11-20-run"])
def test_an_entry_neither_newest_nor_cited_is_refused(root, name):
    entry = root / "benchmarks/results" / name
    entry.write_text(RUN % 0 if "speed" in name else "anything\n", "utf-8")
    with pytest.raises(result_index.ResultError, match=f"{name} is neither"):
        result_index.page(root)
    (root / "README.md").write_text(f"[it](benchmarks/results/{name}).\n", "utf-8")
    assert f"| [{name}]({name}) | [README.md](../../README.md) |" in result_index.page(root)


def test_a_pattern_cites_what_it_matches(root):
    (root / "benchmarks/results/2026-11-20-notes.txt").write_text("anything\n", "utf-8")
    (root / "docs/notes.md").write_text("`benchmarks/results/2026-11-20-*`.\n", "utf-8")
    assert "| [2026-11-20-notes.txt]" in result_index.page(root)


@pytest.mark.parametrize(
    ("figures", "reason"),
    [
        ('[speed]\nfigure = "9,999 ms"\n', "gives 9,999 for speed"),
        ('[speed]\nfigure = "99.5 ms"\n', "gives 99.5 for speed"),
        ("", "speed needs both a result and a figure"),
        ('[speed]\nfigure = "9,999.5"\n[heat]\nfigure = "9"\n', "heat needs both"),
    ],
)
def test_a_figure_that_is_not_in_its_result_is_refused(root, figures, reason):
    (root / "benchmarks/results/figures.toml").write_text(figures, "utf-8")
    with pytest.raises(result_index.ResultError, match=reason):
        result_index.page(root)


def test_a_result_without_a_machine_or_a_date_is_refused(root):
    result = root / "benchmarks/results/2026-11-22-speed.txt"
    result.write_text((RUN % 2).replace("hardware", "x") + "9,999.5\n", "utf-8")
    with pytest.raises(result_index.ResultError, match="names no machine"):
        result_index.page(root)
    result.write_text("$ python -m benchmarks.speed\n9,999.5\n", "utf-8")
    with pytest.raises(result_index.ResultError, match="names no date"):
        result_index.page(root)
