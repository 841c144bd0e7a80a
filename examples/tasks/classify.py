"""Labels of texts: what each layer is worth, and how few labels are enough.

python -m examples.tasks.classify --train train.tsv.xz --test test.tsv.xz --label 1 --text 3 \
    --url http://127.0.0.1:8000 --out build/tasks/products

The seven classifiers of `trial`, each on 1, 10 and 100 % of the labels, at least 30,
and with three seeds.
"""

import argparse
import sys
from collections.abc import Sequence

from bilm_client import BiLMClientError

from examples.classifier.data import declare_splits
from examples.classifier.embeddings import Recipe, embed_file
from examples.classifier.errors import ClassifierError
from examples.classifier.service import Service, connect
from examples.tasks.arguments import declare_common
from examples.tasks.report import write_report
from examples.tasks.texts import Split, Texts, read_splits
from examples.tasks.trial import learning_curves


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    given = _parser().parse_args(arguments)
    try:
        splits, num_classes = read_splits(given)
        with connect(given.url) as service:
            train, test = (_embed(given, service, *split) for split in splits.items())
        scores = list(learning_curves(train, test, num_classes, given.shares, given.seeds))
        title = f"{given.out.name}: accuracy on {len(test.texts):,} texts"
        print(write_report(given.out, title, service.revision, scores))
    except (ClassifierError, BiLMClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


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
