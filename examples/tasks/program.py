"""The common part of the programs that compare classifiers: embed, fit and judge, report."""

import argparse
import sys
from collections.abc import Callable
from typing import TypeAlias

from bilm_client import BiLMClientError

from examples.classifier.errors import ClassifierError
from examples.classifier.service import Service, connect
from examples.tasks.report import write_report
from examples.tasks.trial import Examples, Ways, learning_curves, seven_ways

Read: TypeAlias = Callable[[argparse.Namespace, Service], tuple[Examples, Examples, int]]
"""Examples to learn from, examples that judge, and the number of classes."""


def compare(given: argparse.Namespace, read: Read, ways: Ways = seven_ways) -> int:
    """Run a program; return its exit status.

    Args:
        given: The arguments of the program, including those of `declare_common`.
        read: Returns the examples on which the classifiers are compared.
        ways: The classifiers to compare.
    """
    try:
        with connect(given.url) as service:
            train, test, num_classes = read(given, service)
        scores = list(learning_curves(train, test, num_classes, given.shares, given.seeds, ways))
        title = f"{given.out.name}: {test.measure}"
        print(write_report(given.out, title, service.revision, scores))
    except (ClassifierError, BiLMClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
