"""Define what every bulk run shares, wherever it runs: job, writer of parts, ledger."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from biLM.artifact import load_artifact
from biLM.bulk.formats import LINKS, Format, link_parts
from biLM.bulk.ledger import Ledger, sole_writer
from biLM.bulk.leftovers import remove_leftovers
from biLM.bulk.parsers import Columns
from biLM.bulk.parts import (
    Advance,
    Done,
    Part,
    Written,
    part_path,
    refuse_missing,
    run_folder,
    write_empty_part,
    write_part,
)
from biLM.bulk.sources import IdKind, Source
from biLM.bulk.transform import Transform, Wanted, schema_of
from biLM.encoder import Encoder
from biLM.errors import BiLMError, BulkError
from biLM.reading.precision import PrecisionChoice, chosen_precision
from biLM.shipped import model_folder


@dataclass(frozen=True)
class EncoderSettings:
    """The settings of an encoder, small enough to send to another process or machine.

    Args:
        artifact: The artifact's folder, the same on every machine.
        precision: The precision, as for `Encoder`.
        mixes: A file of further mixes, which only the machine that starts the run needs.
        revision: The revision that the artifact must have; empty if any will do.
        device: Where texts are read, as for `Encoder`.
    """

    artifact: Path
    precision: PrecisionChoice = "auto"
    mixes: Path | None = None
    revision: str = ""
    device: str = "cpu"

    def load(self) -> Encoder:
        """Load the encoder, try every shape, and check it with the self-test.

        Raises:
            PrecisionError: the machine does not support the precision.
            ArtifactError: the folder is incomplete, foreign or damaged.
            MixError: a further mix does not fit.
            SelfTestError: the machine does not reproduce the artifact's vectors.
            BulkError: the folder contains another model, or torch cannot use the device.
        """
        require_device(self.device)
        encoder = Encoder.load(self.artifact, self.precision, self.mixes, device=self.device)
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
    """What to make of a source.

    Args:
        columns: Where the texts are in the source.
        wanted: Which vectors to make.
        kind: Format of the files.
        part_characters: About how many characters of text make a file. An interrupted run loses the
            work on the files that were being written.
        skips_refused: Whether a text that is refused is left without vectors instead of ending the
            run. The value may change from one run to the next in the same folder.
        id_kind: The type of the ids, if a column of ids is named; `resolved` sets it.

    Raises:
        BulkError: the level needs spans or words and no column is named for them, or the other way
            round.
    """

    columns: Columns
    wanted: Wanted
    kind: Format = "parquet"
    part_characters: int = 400_000
    skips_refused: bool = False
    id_kind: IdKind | None = None

    def __post_init__(self) -> None:
        if (self.wanted.level == "span") != (self.columns.spans is not None):
            raise BulkError("level span goes with --spans COLUMN, and no other level does")
        if (self.wanted.level == "word") != self.columns.are_words:
            raise BulkError("level word goes with a column of words, and no other level does")

    def asked(self, settings: EncoderSettings) -> Mapping[str, Any]:
        """Return what the vectors depend on besides the texts, in the types of JSON."""
        asked = {
            "model": settings.revision,
            "precision": settings.precision,
            **asdict(self.wanted),
            "columns": asdict(self.columns),
            "kind": self.kind,
            "part_characters": self.part_characters,
            "id_kind": self.id_kind,
            "device": torch.device(settings.device).type,
        }
        return dict(json.loads(json.dumps(asked)))


def resolved(job: Job, settings: EncoderSettings, source: Source) -> tuple[Job, EncoderSettings]:
    """Resolve both to values that mean the same on every machine and in a later run.

    The mix becomes its weights, and the folder its absolute path. The precision and the revision
    become those of this machine, and every worker must use the same.

    Raises:
        PrecisionError: the machine does not support the precision.
        ArtifactError: the folder is incomplete, foreign or damaged.
        MixError: there is no such mix, or the file of further mixes does not fit.
        SourceError: the source cannot be read, or its ids are of no type that is possible.
    """
    job = replace(job, id_kind=source.id_kind())
    artifact = load_artifact(settings.artifact).with_mixes(settings.mixes)
    settings = EncoderSettings(
        model_folder(settings.artifact).absolute(),
        chosen_precision(settings.precision, torch.device(settings.device)),
        revision=artifact.revision,
        device=settings.device,
    )
    wanted = job.wanted
    if wanted.layers is None and isinstance(wanted.mix, str):
        job = replace(job, wanted=replace(wanted, mix=artifact.mix(wanted.mix)))
    return job, settings


def require_device(name: str) -> None:
    """Refuse a device that torch cannot use on this machine.

    Raises:
        BulkError: it cannot.
    """
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).split("\n")[0]
        raise BulkError(
            f"the device is {name!r}, which torch {torch.__version__} cannot use on this machine"
            f" ({reason}); leave out --device to read on the CPU"
        ) from error


@dataclass(frozen=True)
class PartWriter:
    """Writes parts; it can be sent to the process that calls it.

    Args:
        out: The folder to write to.
        job: What to make of the texts.
        settings: The settings of the encoder.
    """

    out: Path
    job: Job
    settings: EncoderSettings

    def __call__(self, part: Part, advance: Advance) -> Written:
        """Write one part, and call `advance` as its texts are embedded.

        Raises:
            SourceError: a text is refused.
            BulkError: the file cannot be written.
        """
        job = self.job
        transform = Transform(_encoder(self.settings), job.wanted, job.id_kind)
        return write_part(self.out, part, transform, job.kind, job.skips_refused, advance)


@lru_cache(maxsize=1)  # a process loads one encoder and keeps it
def _encoder(settings: EncoderSettings) -> Encoder:
    return settings.load()


@contextmanager
def open_ledger(out: Path, job: Job, settings: EncoderSettings) -> Iterator[Ledger]:
    """Open the ledger of a folder, and keep other runs from writing to the folder.

    If an error ends the run and parts are left, it gets a note that a run resumes there.
    """
    with sole_writer(out):
        ledger = Ledger.of(out, job.asked(settings))
        counted = [part_path(out, number, job.kind).name for number in range(ledger.done.parts)]
        refuse_missing(out, counted)
        remove_leftovers(out, run_folder(out), set(counted))
        ledger.write()  # after the checks: a run that is refused must not change it
        try:
            yield ledger
        except BiLMError as error:
            if ledger.done.parts:
                error.add_note(f"What is in {out} stays, and the next run resumes there.")
            raise


def finish(ledger: Ledger, job: Job, settings: EncoderSettings) -> Done:
    """Complete the folder once all parts are in it.

    Raises:
        BulkError: the links of HDF5, or the file of a source without texts, cannot be written.
    """
    folder = ledger.folder
    if not ledger.done.parts:
        schema = schema_of(load_artifact(settings.artifact), job.wanted, job.id_kind)
        write_empty_part(folder, job.kind, schema)
    if job.kind == "hdf5":
        parts = [part_path(folder, number, job.kind) for number in range(ledger.done.parts or 1)]
        try:
            link_parts(folder, parts, run_folder(folder) / f".{LINKS}.tmp")
        except OSError as error:
            raise BulkError(f"{folder / LINKS} cannot be written: {error}") from error
    return ledger.done
