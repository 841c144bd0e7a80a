"""The metrics that Prometheus reads at /metrics: names end in units, labels have few values."""

from collections.abc import Callable, Mapping
from functools import partial

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from .costs import SHARES

MEDIA_TYPE = CONTENT_TYPE_LATEST
# The label of all paths outside the API: the documents, and whatever paths callers invent.
OTHER_PATH = "other"
SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
STAGES = {"tokenize", "encode"}
PROOF = "proof"
PIECES = (16, 64, 256, 1024, 2048, 4096, 8192, 16384)

# What /metrics says of each metric, in their order.
REQUESTS = "Requests that ended, by path and status."
REFUSALS = "Requests that were refused or failed, by code and by the setting that was exceeded."
REQUESTS_OF_KEY = "Requests with an API key, by its name."
PIECES_OF_KEY = "Pieces read for an API key, by its name."
STAGE = (
    "Seconds of a request on a thread of the service, by stage: tokenize its texts, encode its"
    " answer."
)
DURATION = "Seconds from the first byte of a request until the last of its answer was handed on."
READ_PIECES = "Pieces of the texts that were read."
BATCH_DURATION = "Seconds of a micro-batch in the model."
BATCH_PIECES = "Padded pieces of a micro-batch."
WORKED = (
    "Seconds of the inference threads, by what they were spent on: batches, long texts, searches,"
    " or the proof of shapes."
)
LAG = "Seconds by which the event loop was late for a timer that it has ten times a second."
WAIT = "Seconds from the admission of a text to its micro-batch."
WAITING = "Padded pieces of texts that wait."
STAGE_WAITING = "Seconds that a thread of the service needs for all that waits, by stage."
WAITING_S = "Seconds that the model needs for all that waits."
INSIDE = "Requests being served."
HELD = "Bytes of large bodies and answers, and of long texts that the model reads."
CUTS = (
    "Connections that were ended without an answer, because the client was silent, slow,"
    " or left an answer unread, or because there were too many (crowd)."
)


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        counter, gauge = partial(Counter, registry=registry), partial(Gauge, registry=registry)
        histogram = partial(Histogram, registry=registry)
        duration = partial(histogram, buckets=SECONDS)
        self._requests = counter("bilm_requests", REQUESTS, ["path", "status"])
        self._refusals = counter("bilm_refusals", REFUSALS, ["code", "setting"])
        self._requests_of_key = counter("bilm_key_requests", REQUESTS_OF_KEY, ["key"])
        self._pieces_of_key = counter("bilm_key_pieces", PIECES_OF_KEY, ["key"])
        self._stage = duration("bilm_stage_duration_seconds", STAGE, ["stage"])
        self._duration = duration("bilm_request_duration_seconds", DURATION, ["path"])
        self._pieces = counter("bilm_pieces", READ_PIECES)
        self._batch_duration = duration("bilm_batch_duration_seconds", BATCH_DURATION)
        self._batch_pieces = histogram("bilm_batch_padded_pieces", BATCH_PIECES, buckets=PIECES)
        self._worked = counter("bilm_model_busy_seconds", WORKED, ["share"])
        self._lag = duration("bilm_loop_lag_seconds", LAG)
        self._wait = duration("bilm_queue_wait_seconds", WAIT)
        self._waiting = gauge("bilm_queue_padded_pieces", WAITING)
        self._stage_waiting_s = gauge("bilm_stage_waiting_seconds", STAGE_WAITING, ["stage"])
        self._waiting_s = gauge("bilm_queue_seconds", WAITING_S)
        self._inside = gauge("bilm_requests_in_progress", INSIDE)
        self._held = gauge("bilm_held_bytes", HELD)
        self._connections = gauge("bilm_connections", "Open connections.")
        self._cuts = counter("bilm_connections_cut", CUTS, ["reason"])
        self._ready = gauge("bilm_ready", "1 while the process takes requests.")
        ProcessCollector(registry=registry)  # memory, CPU seconds, open files
        for share in (*SHARES, PROOF):
            self._worked.labels(share)  # a rate needs the zero before the first second

    def watch(
        self,
        waiting: Callable[[], float],
        waiting_s: Callable[[], float],
        tokenizing_s: Callable[[], float],
        encoding_s: Callable[[], float],
        inside: Callable[[], float],
        held: Callable[[], float],
        ready: Callable[[], float],
    ) -> None:
        """Set the functions that each scrape calls to read the gauges."""
        self._waiting.set_function(waiting)
        self._waiting_s.set_function(waiting_s)
        self._stage_waiting_s.labels("tokenize").set_function(tokenizing_s)
        self._stage_waiting_s.labels("encode").set_function(encoding_s)
        self._inside.set_function(inside)
        self._held.set_function(held)
        self._ready.set_function(ready)

    def watch_connections(self, number: Callable[[], float]) -> None:
        """Set the function that returns the number of open connections."""
        self._connections.set_function(number)

    def connection_cut(self, reason: str) -> None:
        """Record a connection that was ended without an answer."""
        self._cuts.labels(reason).inc()

    def request_ended(self, path: str, status: int, seconds: float, pieces: int) -> None:
        """Record a finished request."""
        self._requests.labels(path, str(status)).inc()
        self._duration.labels(path).observe(seconds)
        self._pieces.inc(pieces)

    def request_refused(self, code: str, setting: str | None) -> None:
        """Record a refusal; the setting is empty where none was exceeded."""
        self._refusals.labels(code, setting or "").inc()

    def key_used(self, name: str, pieces: int) -> None:
        """Record a finished request with an API key."""
        self._requests_of_key.labels(name).inc()
        self._pieces_of_key.labels(name).inc(pieces)

    def stages_ended(self, spent: Mapping[str, float]) -> None:
        """Record the seconds of the stages of a request that have no metric of their own."""
        for stage in STAGES & spent.keys():
            self._stage.labels(stage).observe(spent[stage])

    def batch_ended(self, padded_pieces: int, seconds: float) -> None:
        """Record a finished micro-batch."""
        self._batch_pieces.observe(padded_pieces)
        self._batch_duration.observe(seconds)

    def model_worked(self, share: str, seconds: float) -> None:
        """Record the time of an inference thread, by what it was spent on."""
        self._worked.labels(share).inc(seconds)

    def loop_lagged(self, seconds: float) -> None:
        """Record how much too late the event loop came to a timer."""
        self._lag.observe(seconds)

    def text_waited(self, seconds: float) -> None:
        """Record how long a text waited until it was taken into a micro-batch."""
        self._wait.observe(seconds)

    def exposition(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self._registry)
