"""Write docs/decisions/README.md: each decision with its date, its status and its theme.

python docs/decision_index.py

It is read from the head of each file, a title and one paragraph:

    # 22. A text runs with any number of others that gives it the same bits

    2026-11-21 · accepted · supersedes [decision 10](0010-one-height.md) · theme: reading

Numbers may be missing, because a decision keeps the number under which it was discussed.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "decisions"
INDEX = "README.md"

THEMES = {
    "model": "what the network computes, and what an artifact holds",
    "reading": "how texts run through the network: shapes, precision, bits, cores",
    "service": "what a request meets: limits, queue, paths, memory, metrics",
    "training": "from raw text to weights, and the laboratory",
    "client": "the Python client",
    "page": "the page at `/`",
    "tools": "dependencies, packaging, bulk runs, and what tests from outside",
    "examples": "the programs in `examples/`",
}
HEAD = re.compile(
    r"# (?P<number>\d+)\. (?P<title>.+)\n\n"
    r"(?P<date>\d{4}-\d{2}-\d{2}) · (?P<status>(?:accepted|superseded by)\b(?:.|\n(?!\n))*?)"
    r" · theme: (?P<theme>\w+)\n\n"
)
EXAMPLE = "2026-11-21 · accepted · theme: model"

PREFACE = """# Decisions

Written by `python docs/generate.py` from the heads of the files; do not edit it by hand.

A decision records a choice between two or more ways: the context, what was decided, what was
rejected, and what follows. It is not edited afterwards; a later decision supersedes it, and both
heads say so. A decision may therefore name code that no longer exists.
"""


class DecisionError(ValueError):
    """A decision whose head cannot be read."""


class Decision(NamedTuple):
    """The head of one file."""

    number: int
    file: str
    title: str
    date: str
    status: str
    theme: str

    @property
    def superseding(self) -> set[int]:
        """Numbers of the decisions that supersede this one or a part of it."""
        return {int(number) for number in re.findall(r"superseded by \[?(\d+)", self.status)}


def read(file: str, text: str) -> Decision:
    """Return the head of a decision.

    Raises:
        DecisionError: The date, the status or the theme is missing or unknown.
    """
    head = HEAD.match(text)
    if head is None:
        raise DecisionError(
            f"{file} does not begin with a title, a date, a status (accepted, or superseded by a"
            f" number) and a theme; write a paragraph such as {EXAMPLE!r} below the title"
        )
    if head["theme"] not in THEMES:
        raise DecisionError(
            f"{file} has the theme {head['theme']!r}; the themes are {', '.join(THEMES)}"
        )
    status = " ".join(head["status"].split("\n"))
    return Decision(int(head["number"]), file, head["title"], head["date"], status, head["theme"])


def check_references(decisions: Mapping[int, Decision]) -> None:
    """Check that whatever supersedes a decision exists.

    Raises:
        DecisionError: A decision is superseded by a number that no file has.
    """
    for decision in decisions.values():
        missing = decision.superseding - decisions.keys()
        if missing:
            raise DecisionError(
                f"{decision.file} is superseded by {min(missing)}, and there is no such decision;"
                " correct the number or add the file"
            )


def page(folder: Path = FOLDER) -> str:
    """Return what the index should hold.

    Raises:
        DecisionError: A head cannot be read, a number occurs twice, or a reference leads nowhere.
    """
    decisions: dict[int, Decision] = {}
    for path in sorted(folder.glob("[0-9]*.md")):
        decision = read(path.name, path.read_text("utf-8"))
        if decision.number in decisions:
            raise DecisionError(
                f"{path.name} has the number of {decisions[decision.number].file};"
                " give it the next free one"
            )
        decisions[decision.number] = decision
    check_references(decisions)
    return "\n".join([PREFACE, *_themes(decisions), "", *_all(decisions)]) + "\n"


def _themes(decisions: Mapping[int, Decision]) -> Iterator[str]:
    yield "| theme | what it covers | decisions |"
    yield "|---|---|---|"
    for theme, covered in THEMES.items():
        links = [f"[{d.number}]({d.file})" for d in decisions.values() if d.theme == theme]
        yield f"| {theme} | {covered} | {' · '.join(links)} |"


def _all(decisions: Mapping[int, Decision]) -> Iterator[str]:
    yield "| | decision | date | status | theme |"
    yield "|---|---|---|---|---|"
    for d in decisions.values():
        yield f"| {d.number} | [{d.title}]({d.file}) | {d.date} | {d.status} | {d.theme} |"


def write() -> None:
    """Write the index."""
    (FOLDER / INDEX).write_text(page(), "utf-8")


if __name__ == "__main__":
    write()
