"""Carry out a bulk run on this machine, in several processes.

Several processes with one thread each do more work than one process with many threads, because
cutting texts into pieces, mixing and writing use only one thread of a process.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from biLM.bulk.job import (
    EncoderSettings,
    Job,
    PartWriter,
    finish,
    open_ledger,
    require_device,
    resolved,
)
from biLM.bulk.parts import Advance, Done, Part, Written, parts_or_refusal
from biLM.bulk.sources import Source
from biLM.cpus import granted_cpus
from biLM.errors import BulkError, SourceError

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import SynchronizedArray

Write = Callable[[Part], "Future[Written]"]
# A fork would copy locks that threads hold.
SPAWN = multiprocessing.get_context("spawn")
# Progress is reported this often while a part is being written.
REPORT_S = 0.5


def embed_source(
    source: Source,
    out: Path,
    job: Job,
    settings: EncoderSettings,
    workers: int,
    advance: Advance,
) -> Done:
    """Write vectors for every text of a source that has none in the folder yet.

    Args:
        source: The source of the texts.
        out: The folder to write to.
        job: What is computed from the texts.
        settings: The settings of the encoder.
        workers: Number of processes, each with an encoder and a share of the CPUs; 1 means this
            process.
        advance: It is called in this thread as texts are embedded, also within a part.

    Raises:
        SourceError: a text is refused, or the source is not that of the previous run.
        BulkError: the folder contains other vectors, or cannot be written to, or a worker was
            killed, or torch cannot use the device.
    """
    require_device(settings.device)  # before anything is written
    job, settings = resolved(job, settings, source)
    with open_ledger(out, job, settings) as ledger:
        parts = parts_or_refusal(source, ledger.done, job.part_characters, job.skips_refused)
        tally = Tally(SPAWN.Array("q", 2))
        with _writing(PartWriter(out, job, settings), workers, tally) as write:
            for future in _in_order(write, parts, 2 * workers, advance):
                ledger.add(_result(future, tally, advance))
        return finish(ledger, job, settings)


class Tally:
    """Adds up how much the workers have embedded.

    Args:
        sums: Two sums in memory that all workers share: of units of the source's size, and of
                texts.
    """

    def __init__(self, sums: "SynchronizedArray[int]") -> None:
        self.sums = sums

    def add(self, units: int, texts: int) -> None:
        """Add to the sums."""
        with self.sums.get_lock():
            self.sums[0] += units
            self.sums[1] += texts

    def take(self) -> tuple[int, int]:
        """Return the sums, and begin again at 0.

        Both are 0 if the lock does not become free, because a worker was killed while it had it.
        """
        lock = self.sums.get_lock()
        if not lock.acquire(timeout=REPORT_S):
            return 0, 0
        try:
            units, texts = self.sums[0], self.sums[1]
            self.sums[0] = self.sums[1] = 0
        finally:
            lock.release()
        return units, texts


def _result(future: "Future[Written]", tally: Tally, advance: Advance) -> Written:
    """Return a worker's result, and report until then how much all workers have embedded."""
    while not wait_for([future], REPORT_S).done:
        advance(*tally.take())
    advance(*tally.take())
    return future.result()


@contextmanager
def _writing(writer: PartWriter, workers: int, tally: Tally) -> Iterator[Write]:
    pool = _processes(workers, tally) if workers > 1 else _thread(tally)
    try:
        yield lambda part: pool.submit(_write, writer, part)
    except BrokenProcessPool as error:
        raise BulkError(
            f"one of {workers} workers was killed, perhaps because memory ran out; run the same"
            " command with fewer --workers, and it resumes"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _thread(tally: Tally) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, initializer=_begin, initargs=(granted_cpus(), tally.sums))


def _processes(workers: int, tally: Tally) -> ProcessPoolExecutor:
    threads = max(1, granted_cpus() // workers)
    return ProcessPoolExecutor(workers, SPAWN, _begin_process, (threads, tally.sums))


def _in_order(
    write: Write, parts: Iterable[Part | SourceError], window: int, advance: Advance
) -> Iterator["Future[Written]"]:
    waiting: deque[Future[Written]] = deque()
    refusal = None
    for number, part in enumerate(parts):
        if isinstance(part, SourceError):
            refusal = part
            break
        if number == 0:
            advance(part.begin, 0)
        waiting.append(write(part))
        if len(waiting) == window:
            yield waiting.popleft()
    yield from waiting
    if refusal:
        raise refusal


def _write(writer: PartWriter, part: Part) -> Written:
    return writer(part, _worker.tally.add)


# `_begin` gives each thread that writes parts its own tally here, in this process or in a worker.
_worker = threading.local()


def _begin(threads: int, sums: "SynchronizedArray[int]") -> None:
    _worker.tally = Tally(sums)
    torch.set_num_threads(threads)


def _begin_process(threads: int, sums: "SynchronizedArray[int]") -> None:
    _begin(threads, sums)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles it and ends this process
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process with its parent, because a killed parent cannot end its workers."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker without a parent; this is a bug"
    wait([parent.sentinel])
    os._exit(1)
