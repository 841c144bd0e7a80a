"""Tag characters or words with named entities or parts of speech, and compare classifiers.

python -m examples.tasks.tag --train train.char.bmes.xz --test test.char.bmes.xz --level char \
    --url http://127.0.0.1:8000 --out build/tasks/resume

The program compares the seven classifiers of `trial`, each on 1, 10 and 100 % of the sentences (but
at least 30) and with three seeds. Each token is classified alone; of named entities, the most
probable sequence of tags is taken in which each pair of neighbours was seen in training. With
`--level char` every token is one character of a text that the model splits into pieces itself; with
`--level word` the tokens are the segmentation.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from examples.classifier.errors import DataError
from examples.classifier.service import Service
from examples.tasks.arguments import declare_common
from examples.tasks.mixed import Array
from examples.tasks.program import compare
from examples.tasks.sentences import Sentences, Tagged, read_tagged
from examples.tasks.trial import MIN_EXAMPLES


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    return compare(_parser().parse_args(arguments), _read)


def _read(given: argparse.Namespace, service: Service) -> tuple[Sentences, Sentences, int]:
    train, test = read_tagged(given.train), read_tagged(given.test)
    names = sorted({tag for sentence in train for tag in sentence.tags})
    # A tag that only the test split has becomes a class that no classifier predicts: an error.
    numbers = {name: number for number, name in enumerate(names)}
    are_entities = any(name.startswith("B-") for name in names)
    if len(train) < MIN_EXAMPLES:
        raise DataError(
            f"{given.train} has {len(train)} sentences; at least {MIN_EXAMPLES} are needed"
        )
    splits = []
    for sentences in (train, test):
        targets = [numbers.get(tag, len(names)) for one in sentences for tag in one.tags]
        layers = _layers(service, sentences, given.level)
        splits.append(Sentences(sentences, names, np.array(targets), layers, are_entities))
    return splits[0], splits[1], len(names)


def _layers(service: Service, sentences: Sequence[Tagged], level: str) -> Array:
    if level == "char":
        asked = {"texts": ["".join(sentence.tokens) for sentence in sentences]}
        if any(len(token) != 1 for sentence in sentences for token in sentence.tokens):
            raise DataError("a token is not one character; ask for --level word")
    else:
        asked = {"words": [sentence.tokens for sentence in sentences]}
    options = {"level": level, "layers": "all", "center": True, "dtype": "float16"}
    found = service.client.embed(**asked, **options, progress=True)
    vectors = np.concatenate([embedding.vectors for embedding in found], axis=1)
    return np.ascontiguousarray(vectors.swapaxes(0, 1), dtype=np.float32)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.tasks.tag")
    add = parser.add_argument
    add("--train", type=Path, required=True, help=".bmes or .conllu, plain or .xz")
    add("--test", type=Path, required=True, help="likewise; never used to choose anything")
    add("--level", choices=("char", "word"), required=True, help="what a token is")
    declare_common(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
