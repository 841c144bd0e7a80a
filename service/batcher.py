"""Run the inference threads, which answer the questions of many requests in micro-batches.

The event loop admits a request whole or refuses it. One thread loads the model. From then on a
thread for every two cores takes micro-batches: an equal share of what waits if other threads are
idle, and whatever has gathered if all were busy. Results go back with one call into the loop per
batch. Long texts and searches take turns with batches. So does the proof of the shapes of a call,
which ends as soon as the process drains.
"""

import asyncio
import logging
import math
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

from biLM.errors import BiLMError

from .backlog import Backlog
from .costs import SHARES, Share
from .engine import Engine, Scheduled
from .errors import Details, RequestError
from .job import Item, Job
from .log import fields
from .metrics import PROOF, Metrics
from .settings import Settings
from .speed import use_one_core

# The watchdog looks this often, so it notices a stall at most this much later.
WATCH_S = 1.0
# When the service ends, it waits this long for the last batch.
CLOSE_S = 2.0
# A second of the proof counts as this many of the requests, so they have four fifths of the time.
PROOF_COUNTS = 4
# A restart takes about as long.
RESTART_S = 10

logger = logging.getLogger(__name__)


Outcomes = list[tuple[Item, object]]


@dataclass(eq=False)
class Batch:
    """Items that run together.

    Args:
        items: All of them.
        since: When the model was last called for them.
    """

    items: list[Item]
    since: float


class Batcher:
    """The inference threads and what waits for them. Made and called on the event loop.

    Args:
        load: Makes the engine; called on the first inference thread.
        settings: Limits.
        metrics: Record what happens to batches.

    Attributes:
        engine: None until it is loaded.
        started: Resolves to the engine, or to what kept it from loading.
        died: Set when a thread has ended or is stuck.
    """

    def __init__(self, load: Callable[[], Engine], settings: Settings, metrics: Metrics) -> None:
        self._load = load
        self._settings = settings
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self.engine: Engine | None = None
        self.started: asyncio.Future[Engine] = self._loop.create_future()
        self.died = asyncio.Event()
        self._changed = threading.Condition()
        self._backlog: Backlog[Item] = Backlog()
        self._num_idle = 0
        self._running: set[Batch] = set()
        self._is_closing = False
        self._proof = Job[float](self._loop.create_future(), 1, math.inf, monotonic())
        self._proof.done.add_done_callback(self._end_of_proof)
        self._threads: list[threading.Thread] = []
        self._begin_thread(self._start)
        self._watchdog = self._loop.create_task(self._watch())

    async def close(self) -> None:
        """Finish what was admitted and end the threads; one that is stuck is left behind."""
        self.end_proof()
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._watchdog.cancel()
        await asyncio.to_thread(self._join, monotonic() + CLOSE_S)

    def end_proof(self) -> None:
        """Prove no further shape; safe to call in a signal handler."""
        self._proof.deadline = -math.inf  # nobody waits for it any more

    @property
    def waiting_pieces(self) -> int:
        """Padded pieces that wait."""
        return self._backlog.pieces

    @property
    def waiting_s(self) -> float:
        """Return how long the threads would need for what waits, in seconds."""
        if self.engine is None:
            return 0.0
        return sum(map(self._waiting_s_of, SHARES)) / self.engine.num_threads

    def submit(self, questions: Sequence[Scheduled], deadline: float) -> Job[Any]:
        """Admit a request whole.

        Raises:
            RequestError: worker_dead; or overloaded: the queue has no room for all of it.
        """
        assert self.engine is not None, "a request before the engine; this is a bug"
        if self.died.is_set():
            raise worker_dead()
        done = self._loop.create_future()
        job = Job[Any](done, len(questions), deadline, submitted_at=monotonic())
        with self._changed:
            self._refuse_beyond_limit(questions, self.engine.num_threads)
            items = [Item(job, index, *question) for index, question in enumerate(questions)]
            self._backlog.add(items, now=job.submitted_at)
            self._changed.notify_all()
        return job

    def _refuse_beyond_limit(self, questions: Sequence[Scheduled], num_threads: int) -> None:
        added: defaultdict[Share, float] = defaultdict(float)
        for question in questions:
            added[question.share] += question.seconds / num_threads
        waiting = {share: self._waiting_s_of(share) / num_threads for share in SHARES}
        # Where other shares wait, too, each has an equal part of the threads' time.
        slower = len([share for share in SHARES if waiting[share] or share in added])
        for share, seconds in added.items():
            self._refuse_beyond_share(waiting[share], seconds, slower)

    def _refuse_beyond_share(self, waiting: float, added: float, slower: int) -> None:
        # All shares together end within two limits, which leaves time before the deadline.
        limit = self._settings.max_queue_s * min(1.0, 2 / slower)
        if not waiting or waiting + added <= limit:  # an empty queue takes any request allowed
            return
        retry_after_s = math.ceil(slower * min(waiting, waiting + added - limit))
        raise RequestError(
            "overloaded",
            f"{waiting:.1f} s of work are waiting, and the request adds {added:.1f} s; the queue"
            f" holds {limit:g} s; send it again in {retry_after_s} s",
            details=Details(limit=limit, actual=round(waiting + added, 3), setting="max_queue_s"),
            retry_after_s=retry_after_s,
        )

    def _waiting_s_of(self, share: Share) -> float:
        """Return the seconds of work waiting in a share; questions in steps count to their end."""
        seconds = self._backlog.seconds[share]
        if share != "batches":
            running = [item for batch in list(self._running) for item in batch.items]
            seconds += sum(item.seconds for item in running if item.share == share)
        return seconds

    def _begin_thread(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=self._outlive, args=[work], daemon=True)
        thread.name = f"inference-{len(self._threads)}"
        self._threads.append(thread)
        thread.start()

    def _join(self, until: float) -> None:
        for thread in self._threads:
            thread.join(max(0.0, until - monotonic()))

    # On the inference threads.

    def _outlive(self, work: Callable[[], None]) -> None:
        """Do the work of a thread; if it ends before the service does, fail whatever waits."""
        try:
            work()
        finally:
            if not self._is_closing:
                self._call_loop(self._die, "an inference thread has ended")

    def _start(self) -> None:
        """Load the engine, begin the other threads, and work."""
        try:
            engine = self._load()
        except Exception as error:  # whatever is wrong with a model must reach the log
            cause = None if isinstance(error, BiLMError) else error
            self._call_loop(self.started.set_exception, error)
            self._call_loop(self._die, f"cannot start: {error}", cause)
            return
        self.engine = engine
        for _ in range(engine.num_threads - 1):
            self._begin_thread(self._work)
        self._call_loop(self._begin, engine)
        self._work()

    def _work(self) -> None:
        use_one_core()
        while batch := self._next_batch():
            self._work_on(batch)
            del batch  # Its answers may be large, and the wait for the next batch may be long.

    def _work_on(self, batch: Batch) -> None:
        for item in batch.items:
            if not item.is_put_back:
                self._metrics.text_waited(batch.since - item.job.submitted_at)
        begin = monotonic()
        outcomes = self._run(batch, batch.items)
        first, seconds = batch.items[0], monotonic() - begin
        is_proof = first.job is self._proof
        self._metrics.model_worked(PROOF if is_proof else first.share, seconds)
        with self._changed:
            self._backlog.has_run(first.share, seconds * (PROOF_COUNTS if is_proof else 1))
        self._put_back(batch, [item for item, outcome in outcomes if outcome is None])
        self._call_loop(self._deliver, outcomes)

    def _next_batch(self) -> Batch | None:
        """Wait for work and return it; return None once the service closes and nothing is left."""
        while True:
            with self._changed:
                self._num_idle += 1
                self._changed.wait_for(lambda: self._backlog or self._is_closing)
                share = math.ceil(self._backlog.batch_share / self._num_idle)
                self._num_idle -= 1
                if not self._backlog:
                    return None
                items = self._backlog.take(
                    min(share, self._settings.max_batch_pieces), lambda item: item.job.is_wanted()
                )
                if items:
                    batch = Batch(items, since=monotonic())
                    self._running.add(batch)
                    return batch

    def _put_back(self, batch: Batch, items: list[Item]) -> None:
        """End a batch, and let the questions that have no answer yet wait for another turn."""
        assert self.engine is not None, "a batch before the engine; this is a bug"
        seconds = [self.engine.seconds(item.question) for item in items]
        again = [
            replace(item, seconds=left, is_put_back=True)
            for item, left in zip(items, seconds, strict=True)
        ]
        with self._changed:
            self._running.discard(batch)
            self._backlog.add(again, are_put_back=True)
            self._changed.notify_all()

    def _run(self, batch: Batch, items: list[Item]) -> Outcomes:
        """Return each of these items of a batch with its answer, or with the error instead of one.

        The outcome of an item that needs a further turn is None.
        """
        assert self.engine is not None, "a batch before the engine; this is a bug"
        batch.since = monotonic()
        for item in items:
            item.job.started_at = item.job.started_at or batch.since
        try:
            found = self.engine.run([item.question for item in items])
        except Exception as error:  # whatever a text does to torch, the thread outlives it
            if len(items) == 1:
                return [(items[0], error)]
            logger.warning("a batch failed; its texts run one by one", exc_info=error)
            return [outcome for item in items for outcome in self._run(batch, [item])]
        if items[0].share == "batches":
            self._metrics.batch_ended(sum(item.width for item in items), monotonic() - batch.since)
        return list(zip(items, found, strict=True))

    def _call_loop(self, function: Callable[..., object], *arguments: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)

    # On the event loop.

    def _begin(self, engine: Engine) -> None:
        """Take requests, and let the proof of the engine's shapes take turns with them."""
        self.started.set_result(engine)
        if engine.proof is None:
            return
        # The proof costs nothing, so that it does not fill the queue. It counts as put back, so
        # that no waiting time is recorded for it.
        item = Item(self._proof, 0, *engine.scheduled(engine.proof), is_put_back=True)
        with self._changed:
            self._backlog.add([item])
            self._changed.notify_all()

    def _end_of_proof(self, done: "asyncio.Future[None]") -> None:
        assert self.engine is not None, "a proof before the engine; this is a bug"
        if done.exception():  # it has been logged
            self.engine = self.engine.proved(speedup=1.0)
            return
        (speedup,) = self._proof.take_all()
        self.engine = engine = self.engine.proved(speedup)
        logger.info(
            "shapes proved",
            extra=fields(
                heights=engine.encoder.heights,
                pieces_per_s=round(engine.pieces_per_s),
                reading_bytes=engine.reading_bytes,
            ),
        )

    def _deliver(self, outcomes: Outcomes) -> None:
        for item, outcome in outcomes:
            if outcome is None or item.job.done.done():
                continue
            if isinstance(outcome, Exception):
                what = "the proof of shapes" if item.job is self._proof else "a text"
                logger.error(f"{what} failed", exc_info=outcome)
                item.job.done.set_exception(RequestError("internal", "the model failed on a text"))
            else:
                item.job.add(item.index, outcome)

    async def _watch(self) -> None:
        while not self.died.is_set():
            await asyncio.sleep(min(WATCH_S, self._settings.stall_s))
            stall_s = self._settings.stall_s
            if any(monotonic() - batch.since > stall_s for batch in list(self._running)):
                self._die(f"a micro-batch has run for more than {stall_s} s")

    def _die(self, reason: str, cause: BaseException | None = None) -> None:
        if self.died.is_set():
            return
        logger.critical(reason, exc_info=cause)
        self.died.set()
        with self._changed:
            running = [item for batch in list(self._running) for item in batch.items]
            items = self._backlog.clear() + running
        for item in items:
            if not item.job.done.done():
                item.job.done.set_exception(worker_dead())


def worker_dead() -> RequestError:
    """Return the refusal of a process that has lost an inference thread."""
    return RequestError(
        "worker_dead",
        "the model no longer answers in this process; ask another replica, or this one after its"
        " restart",
        retry_after_s=RESTART_S,
    )
