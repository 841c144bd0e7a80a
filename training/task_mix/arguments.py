"""The arguments of the step that learns a mix."""

import argparse
from pathlib import Path


def declare(parser: argparse.ArgumentParser) -> None:
    """Add the arguments to a parser."""
    parser.add_argument("artifact", type=Path)
    parser.add_argument(
        "--task", type=Path, required=True, help="a file in .tsv, .tsv.gz or .tsv.xz"
    )
    parser.add_argument("--test", type=Path, help="test texts; default: a tenth of --task")
    parser.add_argument("--text-column", type=int, default=0, help="column of the text, from 0")
    parser.add_argument("--label-column", type=int, default=1, help="column of the label")
    parser.add_argument("--raw", action="store_true", help="learn it for requests without center")
    parser.add_argument("--seeds", type=int, help="how many times the mix is learned")
    parser.add_argument("--name", required=True, help="the name of the mix")
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--out", type=Path, help="the file for BILM_MIXES to add the mix to")
    place.add_argument(
        "--artifact-out", type=Path, metavar="FOLDER", help="an artifact with the mix"
    )
