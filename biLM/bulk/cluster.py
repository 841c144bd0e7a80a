"""Do a bulk run on a Ray cluster: one task reads, and workers on any node embed and write.

This process counts the finished parts. The folder, the artifact and the file of texts have the same
path on every machine. The files are the same as from one machine, because parts are divided where
the texts are read, in order. A part that a lost node had begun is redone by another node.
"""

import logging
import os
import pickle
import socket
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, DataContext, Dataset, Datasource, ReadTask
from ray.data.block import BlockMetadata
from ray.exceptions import RayError

from biLM.bulk.job import EncoderSettings, Job, PartWriter, finish, open_ledger, resolved
from biLM.bulk.parts import Advance, Done, Written, parts_or_refusal
from biLM.bulk.sources import Source
from biLM.errors import BiLMError, BulkError, SourceError

CONNECT_S = 5
# Another version of Ray raises these if it has no such attribute, or takes other arguments.
UNLIKE_EXPECTED = (AttributeError, TypeError)
Batch = dict[str, Any]  # the columns of a block, in the form in which Ray passes them


@dataclass(frozen=True)
class Cluster:
    """The cluster that does the work.

    Args:
        address: Address of a running cluster, `auto` for the one of this machine, `local` for a new
            one.
        workers: Number of encoders that run at a time.
        worker_cpus: Number of CPUs of each worker.
    """

    address: str
    workers: int = 1
    worker_cpus: int = 1


def embed_on_cluster(
    source: Source,
    out: Path,
    job: Job,
    settings: EncoderSettings,
    cluster: Cluster,
    advance: Advance,
) -> Done:
    """Do what `embed_source` does, with the workers of a cluster.

    Raises:
        SourceError: a text is refused, or the source is not that of the previous run.
        BulkError: the folder contains other vectors or cannot be written to, or the cluster cannot
            be reached or fails.
    """
    job, settings = resolved(job, settings, source)
    with open_ledger(out, job, settings) as ledger, _connected(cluster.address):
        parts = PartsOf(source, ledger.done, job)
        with _this_version_of_ray():
            dataset = _written(parts, PartWriter(out, job, settings), cluster)
        with closing(_rows(dataset)) as rows:
            for number, row in enumerate(rows):
                written = _unless_failed(row)
                ledger.add(written)
                if number == 0:
                    advance(written.begin, 0)
                advance(written.position - written.begin, written.texts)
        return finish(ledger, job, settings)


class PartsOf(Datasource):
    """The parts of a source for Ray: one block per part, read in order by one task.

    Args:
        source: The source of the texts.
        done: What has been written.
        job: What to make of the texts.
    """

    def __init__(self, source: Source, done: Done, job: Job) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Ray has no types
        division = done, job.part_characters, job.skips_refused
        self._read = lambda: (_block(part) for part in parts_or_refusal(source, *division))

    def estimate_inmemory_data_size(self) -> int | None:
        """Return None: the size is unknown before the source is read."""
        return None

    def get_read_tasks(
        self, *_: object, **__: object
    ) -> list[Any]:  # ReadTask's own type is outdated
        """Return one task, whatever the parallelism: embedding takes far longer than reading."""
        nothing = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        return [ReadTask(self._read, nothing)]


class RayWriter:
    """A worker, which writes the part of each block."""

    def __init__(self, writer: PartWriter) -> None:
        self._write = writer

    def __call__(self, batch: Batch) -> Batch:
        """Write one part; return what was written, or the refusal.

        A refusal is not raised, because Ray would wrap the error.
        """
        found = pickle.loads(batch["part"][0])
        try:
            if not isinstance(found, SourceError):
                found = self._write(found, _nowhere)
        except BiLMError as error:
            found = error
        return {"written": np.array([pickle.dumps(found)], dtype=object)}


def _nowhere(units: int, texts: int) -> None:
    """Report no progress within a part: the process that shows it is on another machine."""


def _written(parts: PartsOf, writer: PartWriter, cluster: Cluster) -> Dataset:
    context = DataContext.get_current()
    context.execution_options.preserve_order = True  # the ledger counts parts in their order
    context.enable_progress_bars = False  # the whole run has one of its own
    written: Dataset = ray.data.read_datasource(parts, num_cpus=0).map_batches(
        RayWriter,
        fn_constructor_args=(writer,),
        batch_size=1,
        compute=ActorPoolStrategy(size=cluster.workers),
        num_cpus=cluster.worker_cpus,
        num_gpus=1 if writer.settings.device.startswith("cuda") else None,  # Ray hides others
    )
    return written


def _rows(dataset: Dataset) -> Generator[bytes, None, None]:
    """Yield the results of the workers in order; closing this generator ends Ray's run.

    `iter_rows` of Ray reads ahead in a thread, and the traceback of an error would keep its run
    alive. A thread that calls Ray after its shutdown ends the whole process without a message.
    """
    with _this_version_of_ray():
        bundles = dataset.iter_internal_ref_bundles()
    for bundle in bundles:
        with _this_version_of_ray():
            blocks = bundle.block_refs
        for block in blocks:
            yield from ray.get(block)["written"].to_pylist()


@contextmanager
def _this_version_of_ray() -> Iterator[None]:
    try:
        yield
    except UNLIKE_EXPECTED as error:
        raise BulkError(
            f"Ray {ray.__version__} is not used as the version this was written for: {error};"
            " install another, or run without --ray"
        ) from error


def _block(part: object) -> pa.Table:
    return pa.table({"part": pa.array([pickle.dumps(part)], pa.large_binary())})


def _unless_failed(pickled: bytes) -> Written:
    found: Written | BiLMError = pickle.loads(pickled)
    if isinstance(found, BiLMError):
        raise found
    return found


@contextmanager
def _connected(address: str) -> Iterator[None]:
    # A cluster that is started here would otherwise send usage data to Ray's makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        _reach(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: another version of Ray
        raise BulkError(f"there is no Ray cluster for this at {address}: {error}") from error
    try:
        yield
    except RayError as error:
        raise BulkError(f"the cluster gave up: {error}") from error
    finally:
        ray.shutdown()


def _reach(address: str) -> None:
    """Fail within seconds if nobody listens at the address; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), CONNECT_S).close()
