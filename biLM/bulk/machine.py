"""A bulk run on this machine, by several processes.

Processes of one thread each do more than one process of many: beside the kernels there is the
cutting of texts, the mixing and the writing, and those take one thread each.
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
    """Write the vectors of every text of a source that are not written yet.

    Args:
        source: Of the texts.
        out: The folder.
        job: What is made of them.
        settings: Of the encoder.
        workers: Processes, each with an encoder and a share of the CPUs; of one, this is it.
        advance: Called with the part of the source's size that is written.

    Raises:
        SourceError: a text is refused, or the source is not the one before.
        BulkError: the folder holds other vectors, or cannot be written to, or a worker was killed.
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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that was killed can end nobody."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker without a parent; this is a bug"
    wait([parent.sentinel])
    os._exit(1)
