"""The arguments that say how a corpus is read, which several commands have."""

import argparse

from ..choices import BLOCKS, DOCUMENTS, SPLITS
from .corpus import CorpusConfig
from .documents import Reading

INPUTS = (
    "files, or folders with all that is in them: .txt, .md, .html, .jsonl, .csv, .tsv and .parquet,"
    " also packed as .gz or .xz, and all of these in a .zip"
)


def declare(step: argparse.ArgumentParser) -> None:
    """Add the arguments to the parser of a step."""
    step.add_argument(
        "--document",
        choices=DOCUMENTS,
        help="what a document is in text, Markdown and HTML: the whole file, a line, or what stands"
        " between blank lines; guessed for each file if left out",
    )
    step.add_argument(
        "--column",
        "--text-column",
        "--text-field",
        metavar="NAME",
        help="the column of the text in CSV, TSV, JSON Lines and Parquet, or its number from 0 if"
        " there is no header; guessed if left out: text, content and the like, else the one with"
        " the most Chinese",
    )
    step.add_argument(
        "--text-encoding",
        "--encoding",
        metavar="NAME",
        help="of files that are not UTF-8 and have no byte order mark, for example gbk or big5;"
        " guessed if left out",
    )
    step.add_argument(
        "--keep-near-copies",
        action="store_true",
        help="keep documents most of whose text stands in earlier ones",
    )
    step.add_argument(
        "--split",
        choices=SPLITS,
        default=BLOCKS,
        help="what is held out for measuring: blocks of up to 50 consecutive documents, without"
        " those that share text with the training text; or single documents, whose neighbours are"
        " trained on",
    )


def config_of(given: argparse.Namespace) -> CorpusConfig:
    """Return the choices that were made."""
    reading = Reading(given.document, given.column, given.text_encoding)
    return CorpusConfig(split=given.split, keep_near_copies=given.keep_near_copies, reading=reading)
