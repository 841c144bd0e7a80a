"""The command line of bulk runs: `bilm embed INPUT --out DIR`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from biLM.bulk.choices import FORMATS, LEVELS, POOLINGS
from biLM.counted import counted
from biLM.cpus import granted_cpus
from biLM.errors import BiLMError, BulkError
from biLM.network.config import CONTEXT, Layer
from biLM.options import parsed
from biLM.shipped import DEFAULT_MODEL

if TYPE_CHECKING:  # torch and pyarrow take seconds to import; the parser needs neither
    from biLM.bulk.parts import Done

# The exit status by which a shell reports SIGINT.
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None, prog: str = "bilm embed") -> int:
    """Embed a file and return the exit status; a refusal goes to standard error, with status 2."""
    given = parsed(build_parser(prog), arguments)
    try:
        done = _embed(given)
    except BiLMError as error:
        _tell("\n".join([str(error), *getattr(error, "__notes__", [])]))
        return 2
    except KeyboardInterrupt:
        _tell(f"interrupted; what is in {given.out} stays; run the same command again to resume")
        return INTERRUPTED
    from biLM.bulk.parts import run_folder
    from biLM.bulk.refusals import NAME

    texts = done.texts - done.refused
    files = counted(done.parts or 1, "file")
    _tell(f"{given.out}: {counted(done.rows, 'vector')} of {counted(texts, 'text')} in {files}")
    if done.refused:
        place = f"{run_folder(given.out)}/{NAME}*.jsonl"
        of = counted(done.texts, "text")
        _tell(f"refused {done.refused:,} of {of}; {place} says which and why")
    return 0


def build_parser(prog: str = "bilm embed") -> argparse.ArgumentParser:
    """Return the parser of the arguments of `embed`."""
    embed = argparse.ArgumentParser(prog=prog, description=__doc__)
    embed.add_argument(
        "input",
        type=Path,
        help=".txt, .csv, .tsv, .jsonl or .ndjson, plain or packed as .gz or .xz; .parquet",
    )
    embed.add_argument(
        "--out", type=_folder, required=True, help="folder; an interrupted run resumes in it"
    )
    _declare_texts(embed)
    _declare_vectors(embed)
    _declare_machines(embed)
    return embed


def _declare_texts(embed: argparse.ArgumentParser) -> None:
    embed.add_argument(
        "--column",
        "--text-column",
        help="of the text: a name, or in CSV and TSV without a header a number from 0",
    )
    embed.add_argument(
        "--id-column",
        metavar="COLUMN",
        help="of your own ids, integers or strings, which are written beside the vectors",
    )
    embed.add_argument(
        "--text-encoding",
        metavar="NAME",
        help="of the file, for example gbk, big5 or utf-16; if none is given, what a byte order"
        " mark says, else UTF-8",
    )
    embed.add_argument("--spans", metavar="COLUMN", help="of lists of [begin, end], for level span")
    embed.add_argument(
        "--truncate", choices=["left", "right"], help="the end that a text beyond the limit loses"
    )
    embed.add_argument("--max-text-pieces", type=_positive, default=8192)
    embed.add_argument(
        "--skip-refused",
        action="store_true",
        help="texts that cannot be read or embedded go without vectors and are listed in"
        " OUT.run, beside OUT, instead of ending the run",
    )


def _declare_vectors(embed: argparse.ArgumentParser) -> None:
    embed.add_argument(
        "--artifact",
        type=Path,
        default=Path(DEFAULT_MODEL),
        help="a folder, or the name of a shipped model",
    )
    embed.add_argument("--mixes", type=Path, help="a file of further mixes, as for BILM_MIXES")
    embed.add_argument("--precision", choices=["auto", "float32", "bfloat16"], default="auto")
    embed.add_argument(
        "--device",
        default="cpu",
        help="where texts are read, such as cuda; then in float32, and by one worker where nothing"
        " is said",
    )
    embed.add_argument("--level", choices=LEVELS, default="piece")
    of = embed.add_mutually_exclusive_group()
    of.add_argument("--mix", default="default")
    of.add_argument("--layers", type=_layers, help="each in a column: all, context, or 0,2")
    embed.add_argument("--pooling", choices=POOLINGS, default="mean")
    embed.add_argument("--center", action="store_true")
    embed.add_argument("--normalize", action="store_true")
    embed.add_argument("--float16", action="store_true", help="half the size")
    embed.add_argument("--format", choices=FORMATS, default="parquet")
    embed.add_argument(
        "--part-characters",
        type=_positive,
        default=400_000,
        help="of the texts of a file, about",
    )


def _declare_machines(embed: argparse.ArgumentParser) -> None:
    embed.add_argument(
        "--ray", metavar="ADDRESS", help="run on a Ray cluster: auto, local or host:port"
    )
    embed.add_argument(
        "--workers",
        type=_positive,
        help="processes, each with an encoder of about half a gigabyte; one for each CPU, and one"
        " on a cluster, where nothing is said",
    )
    embed.add_argument(
        "--worker-cpus", type=_positive, default=1, help="of a worker on the cluster"
    )


def _embed(given: argparse.Namespace) -> "Done":
    from biLM.bulk.job import EncoderSettings, Job
    from biLM.bulk.machine import embed_source
    from biLM.bulk.parsers import Columns
    from biLM.bulk.progress import shown
    from biLM.bulk.sources import open_source
    from biLM.bulk.transform import Wanted

    columns = Columns(given.column, given.spans, given.level == "word", given.id_column)
    wanted = Wanted(
        level=given.level,
        layers=given.layers,
        mix=given.mix,
        pooling=given.pooling,
        center=given.center,
        normalize=given.normalize,
        dtype="float16" if given.float16 else "float32",
        truncate=given.truncate,
        max_text_pieces=given.max_text_pieces,
    )
    job = Job(columns, wanted, given.format, given.part_characters, given.skip_refused)
    settings = EncoderSettings(given.artifact, given.precision, given.mixes, device=given.device)
    # Absolute, because workers on a cluster run in another folder.
    source = open_source(given.input.absolute(), columns, given.text_encoding)
    out = given.out
    with shown(source) as advance:
        if given.ray is None:
            workers = given.workers or (granted_cpus() if given.device == "cpu" else 1)
            return embed_source(source, out, job, settings, workers, advance)
        try:
            from biLM.bulk.cluster import Cluster, embed_on_cluster
        except ModuleNotFoundError as error:
            raise BulkError(
                f"{error.name} is not installed; --ray needs biLM with the extra 'cluster':"
                " scripts/install cluster in a checkout"
            ) from error
        except ImportError as error:
            raise BulkError(
                f"this version of Ray lacks what is used of it: {error}; install another, or run"
                " without --ray"
            ) from error
        cluster = Cluster(given.ray, given.workers or 1, given.worker_cpus)
        return embed_on_cluster(source, out, job, settings, cluster, advance)


def _layers(value: str) -> "Literal['all'] | tuple[Layer, ...]":
    if value == "all":
        return "all"
    named: list[Layer] = []
    for name in value.split(","):
        if name != CONTEXT and not name.isdecimal():
            raise argparse.ArgumentTypeError(f"{name!r} is neither a number nor {CONTEXT!r}")
        named.append(CONTEXT if name == CONTEXT else int(name))
    return tuple(named)


def _folder(value: str) -> Path:
    """Return the path without links, because the notes of a run stand beside the real folder."""
    return Path(value).resolve()


def _positive(value: str) -> int:
    if not value.isdecimal() or not int(value):
        raise argparse.ArgumentTypeError(f"{value!r} is not a number above 0")
    return int(value)


def _tell(message: str) -> None:
    sys.stderr.write(f"biLM: {message}\n")
