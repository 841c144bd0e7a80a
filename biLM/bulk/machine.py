"""Do a bulk run on this machine, in several processes.

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
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path

import torch

from biLM.bulk.job import EncoderSettings, Job, PartWriter, finish, open_ledger, resolved
from biLM.bulk.parts import Done, Part, Written, parts_or_refusal
from biLM.bulk.sources import Source
from biLM.cpus import granted_cpus
from biLM.errors import BulkError, SourceError

Write = Callable[[Part], "Future[Written]"]


def embed_source(
    source: Source,
    out: Path,
    job: Job,
    settings: EncoderSettings,
    workers: int,
    advance: Callable[[int], object],
) -> Done:
    """Write the vectors of every text of a source that has none yet.

    Args:
        source: The source of the texts.
        out: The folder to write to.
        job: What to make of the texts.
        settings: The settings of the encoder.
        workers: Number of processes, each with an encoder and a share of the CPUs; 1 means this
            process.
        advance: Called with how much of the source has been written, in units of its size.

    Raises:
        SourceError: a text is refused, or the source is not that of the previous run.
        BulkError: the folder contains other vectors, or cannot be written to, or a worker was
            killed.
    """
    job, settings = resolved(job, settings)
    with open_ledger(out, job, settings) as ledger:
        parts = parts_or_refusal(source, ledger.done, job.part_characters, job.skips_refused)
        with _writing(PartWriter(out, job, settings), workers) as write:
            for written in _in_order(write, parts, 2 * workers):
                ledger.add(written)
                advance(written.position)
        return finish(ledger, job)


@contextmanager
def _writing(writer: PartWriter, workers: int) -> Iterator[Write]:
    pool = _processes(workers) if workers > 1 else _thread()
    try:
        yield lambda part: pool.submit(writer, part)
    except BrokenProcessPool as error:
        raise BulkError(
            f"one of {workers} workers was killed, perhaps for want of memory; take fewer"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(granted_cpus(),))


def _processes(workers: int) -> ProcessPoolExecutor:
    threads = max(1, granted_cpus() // workers)
    spawn = multiprocessing.get_context("spawn")  # a fork would copy locks that threads hold
    return ProcessPoolExecutor(workers, spawn, _begin, (threads,))


def _in_order(write: Write, parts: Iterable[Part | SourceError], window: int) -> Iterator[Written]:
    waiting: deque[Future[Written]] = deque()
    refusal = None
    for part in parts:
        if isinstance(part, SourceError):
            refusal = part
            break
        waiting.append(write(part))
        if len(waiting) == window:
            yield waiting.popleft().result()
    for future in waiting:
        yield future.result()
    if refusal:
        raise refusal


def _begin(threads: int) -> None:
    torch.set_num_threads(threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles it and ends this process
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process with its parent, because a killed parent cannot end its workers."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker without a parent; this is a bug"
    wait([parent.sentinel])
    os._exit(1)
