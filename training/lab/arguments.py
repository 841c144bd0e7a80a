"""The arguments of the laboratory's command."""

import argparse
from pathlib import Path

from ..choices import EXPERIMENTS
from .sizes import FULL_MINUTES


def declare(parser: argparse.ArgumentParser) -> None:
    """Add the arguments to a parser."""
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--minutes", type=float, default=FULL_MINUTES, help="time for all, on two cores"
    )
    size.add_argument("--quick", action="store_true", help="a trial, too short to find anything")
    parser.add_argument(
        "--corpus", type=Path, nargs="+", default=[], help="the inputs, as for corpus"
    )
    parser.add_argument("--only", nargs="+", choices=EXPERIMENTS, help="run these experiments")
    parser.add_argument(
        "--out", type=Path, default=Path("docs/lab"), help="folder of dated reports"
    )
    parser.add_argument(
        "--work", type=Path, default=Path("build/lab"), help="folder of prepared text"
    )
