"""Logging: one JSON object per line on stderr, and never a caller's text.

A thread writes the lines. If nobody reads stderr, that thread waits and lines are dropped and
counted, but nothing else is held up.
"""

import logging
import sys
from datetime import UTC, datetime
from logging.handlers import QueueHandler
from queue import Full, Queue
from threading import Thread
from time import monotonic, sleep
from typing import TextIO

import orjson

FIELDS = "fields"
# At most this many lines may wait: more than the requests of a second write, and a few MiB.
MAX_WAITING = 10_000
# At the end, whoever reads the log has this many seconds for the last lines.
FLUSH_S = 1.0


class JsonLines(logging.Formatter):
    """Formats a log record and its `fields` as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without a line end."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        elif record.exc_text:
            line["traceback"] = record.exc_text
        return orjson.dumps(line, default=str).decode()


FORMATTER = JsonLines()


class Written(QueueHandler):
    """Hands records to a thread that writes them.

    Args:
        stream: Where the thread writes.
    """

    queue: Queue[logging.LogRecord]

    def __init__(self, stream: TextIO) -> None:
        super().__init__(Queue(MAX_WAITING))
        self._to_stream = logging.StreamHandler(stream)
        self._to_stream.setFormatter(FORMATTER)
        self._num_dropped = 0
        Thread(target=self._write, name="log", daemon=True).start()

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Return the record without the frames of its traceback, which hold a request's data."""
        if record.exc_info:
            record.exc_text = FORMATTER.formatException(record.exc_info)
            record.exc_info = None
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        """Let a record wait, or count it as dropped."""
        try:
            self.queue.put_nowait(record)
        except Full:
            self._num_dropped += 1

    def flush(self) -> None:
        """Wait until every line is written, but not for long."""
        until = monotonic() + FLUSH_S
        while self.queue.unfinished_tasks and monotonic() < until:
            sleep(0.001)

    def _write(self) -> None:
        while True:
            self._to_stream.handle(self.queue.get())
            num_dropped, self._num_dropped = self._num_dropped, 0
            if num_dropped:
                event = f"{num_dropped} lines of the log were dropped: stderr was read too slowly"
                self._to_stream.handle(
                    logging.LogRecord(__name__, logging.WARNING, "", 0, event, None, None)
                )
            self.queue.task_done()


def configure_logs(level: str) -> None:
    """Send the log records of every library through one JSON formatter."""
    logging.basicConfig(level=level.upper(), handlers=[Written(sys.stderr)], force=True)


def fields(**values: object) -> dict[str, dict[str, object]]:
    """Return the `extra` argument for a log call whose line should contain these fields."""
    return {FIELDS: values}
