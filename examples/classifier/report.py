"""Report the outcomes as a table for people and as JSON for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from math import sqrt
from pathlib import Path

from examples.classifier.experiment import (
    BASELINES,
    BOTH,
    EMBEDDINGS,
    LOGISTIC,
    NAIVE_BAYES,
    Outcome,
)
from examples.classifier.files import write_atomically

SETTINGS = {NAIVE_BAYES: "alpha", LOGISTIC: "C", EMBEDDINGS: "C", BOTH: "share of embeddings"}
TWO_SIDED_95 = 1.96  # standard deviations of a two-sided 95 % interval


def table(outcomes: Sequence[Outcome], saved: Outcome, num_test: int) -> str:
    """Return a Markdown table, and below it a comparison of the saved classifier to a baseline."""
    lines = [
        "| classifier | setting | dev accuracy | test accuracy | test macro F1 |",
        "|---|---|---|---|---|",
        *(_row(outcome) for outcome in outcomes),
    ]
    baseline = best_baseline(outcomes)
    ahead = saved.test.accuracy - baseline.test.accuracy
    error = TWO_SIDED_95 * sqrt(baseline.test.accuracy * (1 - baseline.test.accuracy) / num_test)
    lines += [
        "",
        f"Saved: {saved.name}, the better on dev of those that ask the service. On the test split"
        f" it is {ahead:+.4f} from the best baseline ({baseline.name}); chance alone moves an"
        f" accuracy on {num_test:,} texts by ±{error:.4f}.",
    ]
    return "\n".join(lines)


def _row(outcome: Outcome) -> str:
    scores = (outcome.dev.accuracy, outcome.test.accuracy, outcome.test.macro_f1)
    cells = [
        outcome.name,
        f"{SETTINGS[outcome.name]} {outcome.setting:g}",
        *(f"{score:.4f}" for score in scores),
    ]
    return f"| {' | '.join(cells)} |"


def best_baseline(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the baseline that is best on the test split, which is the strictest comparison."""
    baselines = [outcome for outcome in outcomes if outcome.name in BASELINES]
    return max(baselines, key=lambda outcome: outcome.test.accuracy)


def write_report(
    path: Path, outcomes: Sequence[Outcome], saved: Outcome, facts: dict[str, object]
) -> None:
    """Write everything that is in the table, and the facts behind it, as JSON."""
    results = [
        {
            "name": outcome.name,
            "setting": outcome.setting,
            "dev": asdict(outcome.dev),
            "test": asdict(outcome.test),
        }
        for outcome in outcomes
    ]
    report = {**facts, "saved": saved.name, "classifiers": results}
    data = json.dumps(report, ensure_ascii=False, indent=2) + "\n"
    write_atomically(path, lambda file: file.write(data.encode()))
