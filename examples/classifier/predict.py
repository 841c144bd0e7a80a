"""Label texts with a trained classifier, and print label, probability and text, tab-separated.

python -m examples.classifier.predict --model build/classifier "苹果很甜，物流很快"
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from bilm_client import BiLMClientError

from examples.classifier.classifier import Classifier
from examples.classifier.embeddings import embed
from examples.classifier.errors import ClassifierError
from examples.classifier.service import connect

CHUNK = 1024  # lines in memory at a time


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = _parser().parse_args(arguments)
    texts = options.texts or (line.rstrip("\r\n") for line in sys.stdin)
    try:
        for label, probability, text in predictions(options.model, texts, options.url):
            print(label, f"{probability:.4f}", text.replace("\n", " "), sep="\t")
    except (ClassifierError, BiLMClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def predictions(
    folder: Path, texts: Iterable[str], url: str | None = None
) -> Iterator[tuple[str, float, str]]:
    """Yield the most probable label of each text, its probability, and the text.

    Args:
        folder: Folder in which the classifier was saved.
        texts: Any number of texts.
        url: Address of the service, if it is not the one that the classifier was trained with.

    Raises:
        ModelError: there is no classifier, or it was trained on another model than the service's.
        BiLMClientError: the service refused.
    """
    classifier = Classifier.load(folder)
    with connect(url or classifier.url) as service:
        classifier.check_revision(service.revision, service.url)
        texts = iter(texts)
        while chunk := list(islice(texts, CHUNK)):
            embeddings = embed(service, chunk, classifier.recipe)
            probabilities = classifier.probabilities(chunk, embeddings)
            for text, row in zip(chunk, probabilities, strict=True):
                best = int(row.argmax())
                yield classifier.labels[best], float(row[best]), text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.classifier.predict")
    parser.add_argument("--model", type=Path, required=True, help="folder train wrote")
    parser.add_argument("--url", help="the service (default: where it was trained)")
    parser.add_argument("texts", nargs="*", help="texts (default: lines of standard input)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
