"""What a bulk run is, whoever does it: what is asked, who writes a part, what the folder counts."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from biLM.artifact import load_artifact
from biLM.bulk.formats import LINKS, Format, link_parts
from biLM.bulk.ledger import Ledger, sole_writer
from biLM.bulk.parts import (
    Done,
    Part,
    Written,
    part_path,
    refuse_missing,
    remove_leftovers,
    write_part,
)
from biLM.bulk.sources import Columns
from biLM.bulk.transform import Transform, Wanted
from biLM.encoder import Encoder
from biLM.errors import BiLMError, BulkError
from biLM.precision import PrecisionChoice, chosen_precision
from biLM.shipped import model_folder


@dataclass(frozen=True)
class EncoderSettings:
    """An encoder, told so briefly that it can travel.

    Args:
        artifact: The folder, the same on every machine.
        precision: As of `Encoder`.
        mixes: A file of further mixes, for the machine that begins.
        revision: Of the artifact, where it must be a certain one.
    """

    artifact: Path
    precision: PrecisionChoice = "auto"
    mixes: Path | None = None
    revision: str = ""

    def load(self) -> Encoder:
        """Load it and try every shape.

        Raises:
            PrecisionError: the machine does not have the precision.
            ArtifactError: the folder is incomplete, foreign or damaged.
            MixError: a further mix does not fit.
            SelfTestError: the machine does not give the artifact's vectors.
            BulkError: the folder holds another model.
        """
        encoder = Encoder.load(self.artifact, self.precision, self.mixes)
        if self.revision not in ("", encoder.artifact.revision):
            raise BulkError(
                f"{self.artifact} holds {encoder.artifact.revision} on one machine and"
                f" {self.revision} on another; copy one to both"
            )
        encoder.warm_up()
        encoder.self_test()
        return encoder


@dataclass(frozen=True)
class Job:
    """What is made of a source.

    Args:
        columns: Where the texts stand in it.
        wanted: Which vectors.
        kind: Of the files.
        part_characters: About how many characters make a file; a run that is cut off loses the work
            on those that were under way.
        skips_refused: Whether a text that is refused goes without vectors instead of ending the
            run. It may change from one run to the next in the same folder.

    Raises:
        BulkError: the level needs words or spans that no column is named for.
    """

    columns: Columns
    wanted: Wanted
    kind: Format = "parquet"
    part_characters: int = 400_000
    skips_refused: bool = False

    def __post_init__(self) -> None:
        if (self.wanted.level == "span") != (self.columns.spans is not None):
            raise BulkError("level span goes with --spans COLUMN, and no other level does")
        if (self.wanted.level == "word") != self.columns.are_words:
            raise BulkError("level word goes with a column of words, and no other level does")

    def asked(self, settings: EncoderSettings) -> Mapping[str, Any]:
        """Everything that the vectors depend on but the texts, as JSON returns it."""
        asked = {
            "model": settings.revision,
            "precision": settings.precision,
            **asdict(self.wanted),
            "columns": asdict(self.columns),
            "kind": self.kind,
            "part_characters": self.part_characters,
        }
        return dict(json.loads(json.dumps(asked)))


def resolved(job: Job, settings: EncoderSettings) -> tuple[Job, EncoderSettings]:
    """Both as they hold anywhere and tomorrow, told by what this machine finds.

    The mix by its numbers, the precision and the model that every worker must find, and the folder
    by its whole path.

    Raises:
        PrecisionError: the machine does not have the precision.
        ArtifactError: the folder is incomplete, foreign or damaged.
        MixError: there is no such mix, or the file of further mixes does not fit.
    """
    artifact = load_artifact(settings.artifact).with_mixes(settings.mixes)
    settings = EncoderSettings(
        model_folder(settings.artifact).absolute(),
        chosen_precision(settings.precision),
        revision=artifact.revision,
    )
    wanted = job.wanted
    if wanted.layers is None and isinstance(wanted.mix, str):
        job = replace(job, wanted=replace(wanted, mix=artifact.mix(wanted.mix)))
    return job, settings


@dataclass(frozen=True)
class PartWriter:
    """Writes parts in whichever process it is called; it can travel there.

    Args:
        out: The folder.
        job: What is made of the texts.
        settings: Of the encoder.
    """

    out: Path
    job: Job
    settings: EncoderSettings

    def __call__(self, part: Part) -> Written:
        """Write one part.

        Raises:
            SourceError: a text is refused.
            BulkError: the file cannot be written.
        """
        transform = Transform(_encoder(self.settings), self.job.wanted)
        job = self.job
        return write_part(self.out, part, transform, job.kind, job.skips_refused)


@lru_cache(maxsize=1)  # a process has one, from its first part to its end
def _encoder(settings: EncoderSettings) -> Encoder:
    return settings.load()


@contextmanager
def open_ledger(out: Path, job: Job, settings: EncoderSettings) -> Iterator[Ledger]:
    """The folder's account, while no other run writes to it.

    A refusal in that time gets a note of what it leaves behind.
    """
    with sole_writer(out):
        ledger = Ledger.of(out, job.asked(settings))
        ledger.write()
        remove_leftovers(out, ledger.done.parts)
        refuse_missing(out, ledger.done.parts, job.kind)
        try:
            yield ledger
        except BiLMError as error:
            if ledger.done.parts:
                error.add_note(f"What is in {out} stays; the same command goes on there.")
            raise


def finish(ledger: Ledger, job: Job) -> Done:
    """Complete the folder once all parts are in it.

    Raises:
        BulkError: the links of HDF5 cannot be written.
    """
    if job.kind == "hdf5":
        numbers = range(ledger.done.parts)
        try:
            link_parts(ledger.folder, [part_path(ledger.folder, n, job.kind) for n in numbers])
        except OSError as error:
            raise BulkError(f"{ledger.folder / LINKS} cannot be written: {error}") from error
    return ledger.done
