"""Train a classifier on the vectors of the service and compare it with bags of characters.

python -m examples.classifier.train --train reviews.csv --label label --text review \
    --url http://127.0.0.1:8000 --out build/classifier
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from bilm_client import BiLMClientError

from examples.classifier.classifier import Classifier
from examples.classifier.data import class_names
from examples.classifier.embeddings import Recipe, embed_file
from examples.classifier.errors import ClassifierError
from examples.classifier.experiment import BOTH, ON_EMBEDDINGS, Outcome, Part, Stage, compare
from examples.classifier.report import table, write_report
from examples.classifier.service import Service, connect
from examples.classifier.splits import declare_splits, read_splits

REPORT = "report.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        print(train(options))
    except (ClassifierError, BiLMClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def train(options: argparse.Namespace) -> str:
    """Embed both splits, fit the classifiers, save one and a report, and return the table."""
    train_rows, test_rows, origin = read_splits(options)
    if not options.test:
        print(origin, end="\n\n", flush=True)
    labels = class_names(train_rows, test_rows)
    recipe = Recipe(options.layers, options.poolings, options.center)

    cache = options.cache or options.out / "cache"
    with connect(options.url) as service:
        train_part, test_part = (
            Part(
                rows.texts,
                np.array([labels.index(label) for label in rows.labels]),
                embed_file(service, rows.texts, recipe, cache=cache, name=name),
            )
            for name, rows in (("train", train_rows), ("test", test_rows))
        )
    outcomes, stage = compare(train_part, test_part, len(labels))
    on_embeddings = [outcome for outcome in outcomes if outcome.name in ON_EMBEDDINGS]
    saved = max(on_embeddings, key=lambda outcome: outcome.dev.accuracy)

    _classifier(labels, service, recipe, stage, saved).save(options.out)
    facts: dict[str, object] = {
        "model": {"id": service.model_id, "revision": service.revision},
        "recipe": asdict(recipe),
        "rows": {"train": len(train_rows.texts), "test": len(test_rows.texts)},
        "split": origin,
        "labels": labels,
    }
    write_report(options.out / REPORT, outcomes, saved, facts)
    return table(outcomes, saved, len(test_rows.texts))


def _classifier(
    labels: list[str], service: Service, recipe: Recipe, stage: Stage, saved: Outcome
) -> Classifier:
    return Classifier(
        labels=labels,
        url=service.url,
        revision=service.revision,
        recipe=recipe,
        scaling=stage.scaling,
        model=saved.model,
        characters=stage.characters if saved.name == BOTH else None,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.classifier.train")
    add = parser.add_argument
    declare_splits(parser)
    add("--url", default="http://127.0.0.1:8000", help="the service (default: %(default)s)")
    add("--out", type=Path, required=True, help="folder for the classifier and its report")
    add("--layers", type=_layers, default="all", help="all, or as 0,2 (default: all)")
    add("--poolings", type=_poolings, default="mean,max", help="(default: %(default)s)")
    add("--center", action=argparse.BooleanOptionalAction, default=True)
    return parser


def _layers(value: str) -> str | list[int | str]:
    if value == "all":
        return value
    return [int(layer) if layer.isdecimal() else layer for layer in value.split(",")]


def _poolings(value: str) -> tuple[str, ...]:
    return tuple(value.split(","))


if __name__ == "__main__":
    sys.exit(main())
