"""The command line of training: `python -m training STEP`, one step after the other."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from training.corpus import CorpusConfig, build_corpus, training_text
from training.errors import TrainingError
from training.evaluate import evaluate
from training.export import export
from training.loop import train
from training.recipes import RECIPES
from training.shards import Shards, build_shards
from training.vocabulary import VocabularyConfig, train_vocabulary


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step; a refusal is one line on standard error and status 2."""
    given = build_parser().parse_args(arguments)
    try:
        given.step(given)
    except TrainingError as error:
        _tell(str(error))
        return 2
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The arguments of every step, a paragraph a step."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    steps = parser.add_subparsers(required=True, metavar="STEP")

    corpus = steps.add_parser("corpus", help="text files -> shuffled text and a held-out slice")
    corpus.add_argument("inputs", type=Path, nargs="+", help=".txt, .gz or .xz, or folders of them")
    corpus.add_argument("--out", type=Path, default=Path("build/corpus"))
    corpus.set_defaults(step=_corpus)

    vocabulary = steps.add_parser("vocabulary", help="training text -> a sentencepiece model")
    vocabulary.add_argument("--corpus", type=Path, default=Path("build/corpus"))
    vocabulary.add_argument("--out", type=Path, default=Path("build/pieces.model"))
    vocabulary.add_argument("--num-pieces", type=int, default=VocabularyConfig.num_pieces)
    vocabulary.set_defaults(step=_vocabulary)

    shards = steps.add_parser("shards", help="training text -> memory-mapped rows of piece ids")
    shards.add_argument("--corpus", type=Path, default=Path("build/corpus"))
    shards.add_argument("--vocabulary", type=Path, default=Path("build/pieces.model"))
    shards.add_argument("--out", type=Path, default=Path("build/shards"))
    shards.set_defaults(step=_shards)

    training = steps.add_parser("train", help="shards -> a checkpoint; resumes by itself")
    training.add_argument("recipe", choices=sorted(RECIPES))
    training.add_argument("--shards", type=Path, default=Path("build/shards"))
    training.add_argument("--out", type=Path, default=Path("build/run"))
    training.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a value of the recipe"
    )
    training.set_defaults(step=_train)

    evaluation = steps.add_parser("evaluate", help="a run -> bits per character, sense scores")
    evaluation.add_argument("run", type=Path, help="the --out of train")
    evaluation.add_argument("--shards", type=Path, default=Path("build/shards"))
    evaluation.add_argument("--senses", type=Path, help="folder of word-in-context .jsonl files")
    evaluation.set_defaults(step=_evaluate)

    exporting = steps.add_parser("export", help="an evaluated run -> an artifact folder")
    exporting.add_argument("run", type=Path, help="the --out of train")
    exporting.add_argument("--shards", type=Path, default=Path("build/shards"))
    exporting.add_argument("--sources", type=Path, help="JSON: sources and licences, for the card")
    exporting.add_argument("--out", type=Path, required=True)
    exporting.set_defaults(step=_export)
    return parser


def _corpus(given: argparse.Namespace) -> None:
    for note in build_corpus(given.inputs, given.out, CorpusConfig()).notes:
        _tell(note)


def _tell(message: str) -> None:
    print(f"training: {message}", file=sys.stderr)  # noqa: T201


def _vocabulary(given: argparse.Namespace) -> None:
    config = VocabularyConfig(num_pieces=given.num_pieces)
    train_vocabulary(training_text(given.corpus), given.out, config)


def _shards(given: argparse.Namespace) -> None:
    build_shards(given.corpus, given.vocabulary, given.out)


def _train(given: argparse.Namespace) -> None:
    recipe = RECIPES[given.recipe]().changed(given.set)
    train(recipe, Shards(given.shards), given.out)


def _evaluate(given: argparse.Namespace) -> None:
    figures = evaluate(given.run, Shards(given.shards), given.senses)
    print(json.dumps(figures, indent=2))  # noqa: T201


def _export(given: argparse.Namespace) -> None:
    revision = export(given.run, Shards(given.shards), given.out, given.sources)
    print(f"{given.out} {revision}")  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
