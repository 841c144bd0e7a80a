"""Classify texts, and measure how useful each layer is and how many labels are needed.

python -m examples.tasks.classify --train train.tsv.xz --test test.tsv.xz --label 1 --text 3 \
    --url http://127.0.0.1:8000 --out build/tasks/products

The program compares the seven classifiers of `trial`. Each is trained on 1, 10 and 100 % of the
labels, but on at least 30, and with three seeds.
"""

import argparse
import sys
from collections.abc import Sequence

from examples.classifier.embeddings import Recipe, embed_file
from examples.classifier.service import Service
from examples.classifier.splits import declare_splits
from examples.tasks.arguments import declare_common
from examples.tasks.program import compare
from examples.tasks.texts import Split, Texts, read_splits


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    return compare(_parser().parse_args(arguments), _read)


def _read(given: argparse.Namespace, service: Service) -> tuple[Texts, Texts, int]:
    splits, num_classes = read_splits(given)
    train, test = (_embed(given, service, *split) for split in splits.items())
    return train, test, num_classes


def _embed(given: argparse.Namespace, service: Service, name: str, split: Split) -> Texts:
    recipe, cache = Recipe(poolings=("mean",)), given.cache or given.out / "cache"
    flat = embed_file(service, split.texts, recipe, cache=cache, name=name).load()
    return Texts(*split, flat.reshape(len(flat), service.num_representations, -1))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.tasks.classify")
    declare_splits(parser)
    declare_common(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
