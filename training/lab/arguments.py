"""The arguments of the laboratory's command."""

import argparse
from pathlib import Path

from ..choices import EXPERIMENTS
from .sizes import FULL_MINUTES


def declare(parser: argparse.ArgumentParser) -> None:
    """Add them to a parser."""
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--minutes", type=float, default=FULL_MINUTES, help="for all, on two cores")
    size.add_argument("--quick", action="store_true", help="too small to find anything: a trial")
    parser.add_argument("--corpus", type=Path, nargs="+", default=[], help="as of the step corpus")
    parser.add_argument("--only", nargs="+", choices=EXPERIMENTS, help="some experiments")
    parser.add_argument("--out", type=Path, default=Path("docs/lab"), help="of dated folders")
    parser.add_argument("--work", type=Path, default=Path("build/lab"), help="of the text")
