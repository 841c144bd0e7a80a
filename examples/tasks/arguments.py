"""The command-line arguments that all tasks share."""

import argparse
from collections.abc import Callable
from pathlib import Path


def declare_common(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the service, the folder of the report and the learning curves."""
    add = parser.add_argument
    add("--url", default="http://127.0.0.1:8000", help="the service (default: %(default)s)")
    add("--out", type=Path, required=True, help="folder for the report; its name is the task's")
    add("--shares", type=_shares, default=(0.01, 0.1, 1.0), help="of the labels (0.01,0.1,1)")
    add(
        "--seeds",
        type=at_least(1),
        default=3,
        help="which labels, and which of them choose (default: 3)",
    )


def at_least(least: int) -> Callable[[str], int]:
    """Return a parser of whole numbers that refuses any below `least`."""

    def read(value: str) -> int:
        if not value.isdecimal() or int(value) < least:
            raise argparse.ArgumentTypeError(f"{value!r} is not a whole number of at least {least}")
        return int(value)

    return read


def _shares(value: str) -> tuple[float, ...]:
    shares = tuple(map(float, value.split(",")))
    if not all(0 < share <= 1 for share in shares):
        raise argparse.ArgumentTypeError(f"{value}: each share must be above 0 and at most 1")
    return shares
