"""The arguments of the steps that train a model, and that carry a run to another machine."""

import argparse
from pathlib import Path

from .recipes import RECIPES

RUN = Path("build/run")


def declare_train(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `train` to a parser."""
    parser.add_argument("recipe", choices=sorted(RECIPES))
    parser.add_argument("--shards", type=Path, default=Path("build/shards"))
    parser.add_argument("--out", type=Path, default=RUN)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a value of the recipe",
    )
    parser.add_argument(
        "--init-from", type=Path, metavar="ARTIFACT", help="start from the weights of an artifact"
    )


def declare_pack(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `pack` to a parser."""
    parser.add_argument("run", type=Path, help="the --out of train")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--plateau", action="store_true", help="take the state before the learning rate fell"
    )


def declare_unpack(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `unpack` to a parser."""
    parser.add_argument("file", type=Path, help="the --out of pack")
    parser.add_argument("--out", type=Path, default=RUN, help="the folder of the run")


def declare_average(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `average` to a parser."""
    parser.add_argument("run", type=Path, help="the --out of train")
    parser.add_argument("other", help="another run, an artifact folder, or a shipped model's name")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the new run")
    parser.add_argument(
        "--share", type=float, default=0.5, help="of the other model in the mean; default: 0.5"
    )
