"""Labels of texts: what each layer is worth, and how few labels are enough.

python -m examples.tasks.classify --train train.tsv.xz --test test.tsv.xz --label 1 --text 3 \
    --url http://127.0.0.1:8000 --out build/tasks/products

The seven classifiers of `trial`, each on 1, 10 and 100 % of the labels, at least 30,
and with three seeds.
"""

import argparse
import sys
from collections.abc import Sequence

import numpy as np
from bilm_client import BiLMClientError

from examples.classifier.data import class_names, declare_splits, read_labelled
from examples.classifier.embeddings import Recipe, embed_file
from examples.classifier.errors import ClassifierError, DataError
from examples.classifier.service import Service, connect
from examples.tasks.arguments import declare_common
from examples.tasks.report import write_report
from examples.tasks.texts import Texts
from examples.tasks.trial import MIN_EXAMPLES, learning_curves


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    given = _parser().parse_args(arguments)
    try:
        with connect(given.url) as service:
            train, test, num_classes = _read(given, service)
        scores = list(learning_curves(train, test, num_classes, given.shares, given.seeds))
    except (ClassifierError, BiLMClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    title = f"{given.out.name}: accuracy on {len(test.texts):,} texts"
    print(write_report(given.out, title, service.revision, scores))
    return 0


def _read(given: argparse.Namespace, service: Service) -> tuple[Texts, Texts, int]:
    rows = [read_labelled(paths, given.label, given.text) for paths in (given.train, [given.test])]
    names = class_names(*rows)
    if len(rows[0].texts) < MIN_EXAMPLES:
        raise DataError(f"{len(rows[0].texts)} training texts; at least {MIN_EXAMPLES} are needed")
    numbers = {name: number for number, name in enumerate(names)}
    recipe, cache = Recipe(poolings=("mean",)), given.cache or given.out / "cache"
    splits = []
    for split, name in zip(rows, ("train", "test"), strict=True):
        flat = embed_file(service, split.texts, recipe, cache=cache, name=name).load()
        layers = flat.reshape(len(flat), service.num_representations, -1)
        splits.append(Texts(split.texts, np.array([numbers[x] for x in split.labels]), layers))
    return splits[0], splits[1], len(names)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.tasks.classify")
    declare_splits(parser)
    declare_common(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
