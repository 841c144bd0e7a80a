"""Classify texts by their pieces, and measure what a head that learns to pool is worth.

python -m examples.tasks.pool --train train.tsv.xz --test test.tsv.xz --label 1 --text 3 \
    --url http://127.0.0.1:8000 --out build/tasks/products-pooled

The program compares four classifiers, each on 1, 10 and 100 % of the labels (but at least 30) and
with three seeds: the bag of characters and the mean over the pieces as in `classify`, the head of
`head`, and that head together with the characters. All vectors are of one layer. Those of every
piece are kept on disk, with 2 KB for each piece if the model is zh-small.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

from examples.classifier.service import Service
from examples.classifier.splits import declare_splits
from examples.tasks import head
from examples.tasks.arguments import at_least, declare_common
from examples.tasks.program import compare
from examples.tasks.sequences import SequencedTexts, embed_pieces
from examples.tasks.texts import Split, read_splits
from examples.tasks.trial import Result, Stage, Trial, Tried

MEAN = "mean over the pieces"
POOLED = "learned pooling"
BOTH = "learned pooling + characters"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    return compare(_parser().parse_args(arguments), _read, four_ways)


def four_ways(trial: Trial) -> Iterator[Result]:
    """Yield characters, the mean over the pieces, learned pooling, and pooling with characters."""
    characters = trial.regression(Stage.characters)
    mean = trial.regression(lambda stage, strength: stage.layer(0, strength))  # the only layer
    pooled = Tried(_pooled(trial.choosing), _pooled(trial.last))
    yield from [characters.final, replace(mean.final, name=MEAN), pooled.final]
    yield trial.beside(pooled, characters, BOTH)


def _pooled(stage: Stage) -> Result:
    fitted, judged = stage.fitted, stage.judged
    model = head.fit(fitted.sequences, fitted.targets, stage.num_classes, stage.seed)
    return stage.result(POOLED, head.logits(model, judged.sequences))


def _read(
    given: argparse.Namespace, service: Service
) -> tuple[SequencedTexts, SequencedTexts, int]:
    splits, num_classes = read_splits(given)
    train, test = (_embed(given, service, *split) for split in splits.items())
    return train, test, num_classes


def _embed(given: argparse.Namespace, service: Service, name: str, split: Split) -> SequencedTexts:
    cache = given.cache or given.out / "cache"
    sequences = embed_pieces(service, split.texts, given.layer, cache=cache, name=name)
    return SequencedTexts.of(*split, sequences)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.tasks.pool")
    declare_splits(parser)
    declare_common(parser)
    parser.add_argument("--layer", type=at_least(0), default=2, help="(default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
