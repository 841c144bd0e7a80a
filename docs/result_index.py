"""Write benchmarks/results/README.md: what each benchmark does, and its newest result.

python docs/result_index.py

A result is a text whose first line is the command that printed it:

    $ python -m benchmarks.encoder models/zh-small --tasks TASKS

It lies in benchmarks/results, or in docs/models beside the training it measured. Date and machine
are read from it; the one figure shown is chosen by hand in benchmarks/results/figures.toml.
"""

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
RESULTS = "benchmarks/results"
FIGURES, INDEX = "figures.toml", "README.md"
DOCUMENTS = ("*.md", "docs/**/*.md", "examples/**/*.md", "client/*.md")

COMMAND = re.compile(r"\$ (python -m benchmarks\.(\w+).*)")
HARDWARE = re.compile(r"'hardware': '([^']+)'")
TIME = re.compile(r"\d{4}-\d\d-\d\d(?:T[\d:]+)?")
CITED = re.compile(r"results/(\d{4}-\d\d-\d\d-[\w.*-]+\w|\d{4}-\d\d-\d\d-\*)")
NUMBER = re.compile(r"(?<![\w.,])[+-]?\d[\d,]*(?:\.\d+)?")

PREFACE = """# Results

Written by `python docs/generate.py` from the results and `figures.toml`; do not edit it by hand.

The newest result of each benchmark. Its file holds more than the one figure shown here. `TASKS`,
`SENSES` and the like in a command stand for folders of data that are not in the repository.
Figures of different machines do not compare: the ratios inside one result do. Rows by
`benchmarks.recipe` stand in [docs/experiments](../../docs/experiments/README.md).
"""
CITATIONS = """## Kept because a document cites it

Everything else that was measured is in the history:
`git log --diff-filter=D --name-only -- benchmarks/results`.
"""


class ResultError(ValueError):
    """An entry of the folder, or a figure, that has no place in the index."""


class Result(NamedTuple):
    """What one file says of itself."""

    benchmark: str
    path: str
    text: str
    command: str
    time: str
    machine: str | None


def read(path: str, text: str) -> Result | None:
    """Return a result of a benchmark, or None if the file holds something else.

    Raises:
        ResultError: The file names no date.
    """
    command = COMMAND.match(text)
    if command is None:
        return None
    time, hardware = TIME.search(text), HARDWARE.search(text)
    if time is None:
        raise ResultError(f"{path} names no date; keep the line that begins with {{'commit'")
    written = command[1].partition("  #")[0].strip()
    return Result(command[2], path, text, written, time[0], hardware and hardware[1])


def newest(root: Path) -> dict[str, Result]:
    """Return the newest result of each benchmark that has one, by its name."""
    found: dict[str, Result] = {}
    folder, models = root / RESULTS, root / "docs/models"
    for path in sorted([*folder.glob("*.txt"), *models.glob("*/*/*.txt")]):
        result = read(path.relative_to(root).as_posix(), path.read_text("utf-8"))
        if result and (result.benchmark not in found or found[result.benchmark].time < result.time):
            found[result.benchmark] = result
    return dict(sorted(found.items()))


def entries(root: Path) -> list[str]:
    """Return the names in the folder that are results."""
    names = (path.name for path in (root / RESULTS).iterdir())
    return sorted(name for name in names if name not in (FIGURES, INDEX))


def citations(root: Path) -> dict[str, list[str]]:
    """Return for each entry of the folder the documents that cite it, by name or by a pattern."""
    cited: dict[str, list[str]] = {name: [] for name in entries(root)}
    documents = {path for pattern in DOCUMENTS for path in root.glob(pattern)}
    for path in sorted(documents):
        patterns = set(CITED.findall(path.read_text("utf-8")))
        for name, documents_of_it in cited.items():
            if any(fnmatch(name, pattern) for pattern in patterns):
                documents_of_it.append(path.relative_to(root).as_posix())
    return cited


def check(
    root: Path, latest: Mapping[str, Result], figures: Mapping[str, Mapping[str, str]]
) -> None:
    """Check that every entry has a reason to be there, and every figure its result.

    Raises:
        ResultError: An entry is neither the newest of its benchmark nor cited; a benchmark has a
            result and no figure, or a figure and no result; a number or a machine is not known.
    """
    for name, documents in citations(root).items():
        if not documents and not any(r.path == f"{RESULTS}/{name}" for r in latest.values()):
            raise ResultError(
                f"{RESULTS}/{name} is neither the newest result of its benchmark nor cited by a"
                " document; delete it, git keeps it"
            )
    for benchmark in latest.keys() ^ figures.keys():
        raise ResultError(
            f"the benchmark {benchmark} needs both a result and a figure in {RESULTS}/{FIGURES}"
        )
    for benchmark, result in latest.items():
        if result.machine is None and "machine" not in figures[benchmark]:
            raise ResultError(
                f"{result.path} names no machine; give it as `machine` of {benchmark} in {FIGURES}"
            )
        known = set(NUMBER.findall(result.text))
        for number in NUMBER.findall(figures[benchmark]["figure"]):
            if number not in known:
                raise ResultError(
                    f"{FIGURES} gives {number} for {benchmark}, which is not in {result.path};"
                    " copy the figure from there"
                )


def page(root: Path = ROOT) -> str:
    """Return what the index should hold.

    Raises:
        ResultError: See `check`.
    """
    figures = tomllib.loads((root / RESULTS / FIGURES).read_text("utf-8"))
    latest = newest(root)
    check(root, latest, figures)
    lines = [PREFACE, *_benchmarks(root, latest, figures), "", CITATIONS, *_cited(root, latest)]
    return "\n".join(lines) + "\n"


def _benchmarks(
    root: Path, latest: Mapping[str, Result], figures: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    yield "| benchmark | what it does | newest figure | date | machine | decisions |"
    yield "|---|---|---|---|---|---|"
    for name, result in latest.items():
        figure = figures[name]
        machine = result.machine or figure["machine"]
        program = f"[{name}](../{name}.py) `{result.command}`"
        place = result.path.removeprefix(f"{RESULTS}/")
        date = f"[{result.time[:10]}]({place if place != result.path else f'../../{place}'})"
        cells = program, _does(root, name), figure["figure"], date, machine, _decisions(root, name)
        yield f"| {' | '.join(cells)} |"


def _does(root: Path, benchmark: str) -> str:
    """Return the first line of the program's docstring."""
    program = ast.parse((root / f"benchmarks/{benchmark}.py").read_text("utf-8"))
    return (ast.get_docstring(program) or "").partition("\n")[0]


def _decisions(root: Path, benchmark: str) -> str:
    """Return links to the decisions that name the benchmark or one of its results."""
    links = []
    for path in sorted((root / "docs/decisions").glob("[0-9]*.md")):
        text = path.read_text("utf-8")
        names = CITED.findall(text)
        if re.search(rf"benchmarks[./]{benchmark}\b", text) or any(
            _benchmark_of(root, name) == benchmark for name in names
        ):
            links.append(f"[{int(path.name[:4])}](../../docs/decisions/{path.name})")
    return " · ".join(links)


def _benchmark_of(root: Path, name: str) -> str | None:
    path = root / RESULTS / name
    result = read(name, path.read_text("utf-8")) if path.is_file() else None
    return result and result.benchmark


def _cited(root: Path, latest: Mapping[str, Result]) -> Iterator[str]:
    yield "| result | cited by |"
    yield "|---|---|"
    newest_paths = {result.path for result in latest.values()}
    for name, documents in citations(root).items():
        if f"{RESULTS}/{name}" not in newest_paths:
            links = [f"[{Path(d).stem if '/decisions/' in d else d}](../../{d})" for d in documents]
            yield f"| [{name}]({name}) | {' · '.join(links)} |"


def write() -> None:
    """Write the index."""
    (ROOT / RESULTS / INDEX).write_text(page(), "utf-8")


if __name__ == "__main__":
    write()
