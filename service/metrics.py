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


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        registry = self._registry
        duration = partial(Histogram, buckets=SECONDS, registry=registry)
        self._requests = Counter(
            "bilm_requests",
            "Requests that ended, by path and status.",
            ["path", "status"],
            registry=registry,
        )
        self._refusals = Counter(
            "bilm_refusals",
            "Requests that were refused or failed, by code and by the setting that was exceeded.",
            ["code", "setting"],
            registry=registry,
        )
        self._requests_of_key = Counter(
            "bilm_key_requests",
            "Requests with an API key, by its name.",
            ["key"],
            registry=registry,
        )
        self._pieces_of_key = Counter(
            "bilm_key_pieces",
            "Pieces read for an API key, by its name.",
            ["key"],
            registry=registry,
        )
        self._stage = duration(
            "bilm_stage_duration_seconds",
            "Of a request on a thread of the service: tokenize its texts, encode its answer.",
            ["stage"],
        )
        self._duration = duration(
            "bilm_request_duration_seconds",
            "From the first byte of a request until the last of its answer was handed on.",
            ["path"],
        )
        self._pieces = Counter(
            "bilm_pieces", "Pieces of the texts that were read.", registry=registry
        )
        self._batch_duration = duration(
            "bilm_batch_duration_seconds",
            "Of a micro-batch in the model.",
        )
        self._batch_pieces = Histogram(
            "bilm_batch_padded_pieces",
            "Padded pieces of a micro-batch.",
            buckets=PIECES,
            registry=registry,
        )
        self._worked = Counter(
            "bilm_model_busy_seconds",
            "Time of the inference threads, by what it was spent on: batches, long texts, searches,"
            " or the proof of shapes.",
            ["share"],
            registry=registry,
        )
        for share in (*SHARES, PROOF):
            self._worked.labels(share)  # a rate needs the zero before the first second
        self._lag = duration(
            "bilm_loop_lag_seconds",
            "How much later than planned the event loop came to a timer that it has ten times a"
            " second.",
        )
        self._wait = duration(
            "bilm_queue_wait_seconds",
            "From the admission of a text to its micro-batch.",
        )
        self._waiting = Gauge(
            "bilm_queue_padded_pieces", "Padded pieces of texts that wait.", registry=registry
        )
        self._stage_waiting_s = Gauge(
            "bilm_stage_waiting_seconds",
            "What a thread of the service needs for all that waits: to tokenize, to encode.",
            ["stage"],
            registry=registry,
        )
        self._waiting_s = Gauge(
            "bilm_queue_seconds",
            "What the model needs for all that waits.",
            registry=registry,
        )
        self._inside = Gauge(
            "bilm_requests_in_progress", "Requests being served.", registry=registry
        )
        self._held = Gauge(
            "bilm_held_bytes",
            "Bytes of large bodies and answers, and of long texts that the model reads.",
            registry=registry,
        )
        self._connections = Gauge("bilm_connections", "Open connections.", registry=registry)
        self._cuts = Counter(
            "bilm_connections_cut",
            "Connections that were ended without an answer, because the client was silent, slow,"
            " or left an answer unread, or because there were too many (crowd).",
            ["reason"],
            registry=registry,
        )
        self._ready = Gauge("bilm_ready", "1 while the process takes requests.", registry=registry)
        ProcessCollector(registry=registry)  # memory, CPU seconds, open files

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
