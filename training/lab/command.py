"""Run experiments of the laboratory by name, and write a dated report of what they find."""

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..errors import TrainingError
from ..run.device import choose_device
from ..run.provenance import provenance
from . import budget, clipping, copying, directions, gradients, inputs
from .corpus import prepare
from .findings import Finding
from .report import Entry, draw_plots, read_entries, write
from .sizes import Plan
from .trials import Laboratory


@dataclass(frozen=True)
class Experiment:
    """An experiment that can be requested by name."""

    measure: Callable[[Laboratory], Finding]
    reads_text: bool = True


EXPERIMENTS = {
    "cells": Experiment(budget.measure),
    "gradients": Experiment(gradients.measure),
    "clipping": Experiment(clipping.measure, reads_text=False),
    "copying": Experiment(copying.measure, reads_text=False),
    "inputs": Experiment(inputs.measure),
    "directions": Experiment(directions.measure),
}


def run(given: argparse.Namespace, tell: Callable[[str], None]) -> Path:
    """Run the requested experiments, and return the folder of the report.

    The report is written anew after every experiment. If an experiment has been run on the same day
    before, its new result replaces the earlier one.

    Raises:
        TrainingError: there is no text for an experiment that reads text, or the day's report
            belongs to another plan.
    """
    names = [name for name in EXPERIMENTS if given.only is None or name in given.only]
    plan = Plan.quick() if given.quick else Plan.of_minutes(given.minutes)
    reading = [name for name in names if EXPERIMENTS[name].reads_text]
    if reading and not given.corpus:
        blind = [name for name, one in EXPERIMENTS.items() if not one.reads_text]
        raise TrainingError(
            f"{', '.join(reading)} need text, but there is none; name files or folders with"
            f" --corpus, or run only what needs no text: --only {' '.join(blind)}"
        )
    date = datetime.now(UTC).date().isoformat()
    folder: Path = given.out / date
    options = _options(given)
    entries = read_entries(folder, asdict(plan)) if given.only else {}
    shards = prepare(given.corpus, given.work, plan) if reading else None
    lab = Laboratory(plan, shards, tell)
    for name in names:
        entries[name] = _entry(name, lab, options)
        draw_plots(folder, entries[name].finding)
        ordered = {one: entries[one] for one in EXPERIMENTS if one in entries}
        write(folder, date, asdict(plan), ordered)
        tell(f"{name}: {entries[name].facts['seconds']} s, in {folder}")
    return folder


def _entry(name: str, lab: Laboratory, options: str) -> Entry:
    facts, began = provenance(choose_device()), time.monotonic()
    finding = EXPERIMENTS[name].measure(lab)
    seconds = round(time.monotonic() - began)
    return Entry(finding, {**facts, "options": options, "seconds": seconds})


def _options(given: argparse.Namespace) -> str:
    """Return the options that were given, without the names of folders."""
    size = "--quick" if given.quick else f"--minutes {given.minutes:g}"
    return f"{size} --corpus …" if given.corpus else size
