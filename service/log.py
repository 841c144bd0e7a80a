"""Logging: one JSON object per line on stderr, and never a caller's text."""

import logging
import sys
from datetime import UTC, datetime

import orjson

FIELDS = "fields"


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
        return orjson.dumps(line, default=str).decode()


def configure_logs(level: str) -> None:
    """Send the log records of every library through one JSON formatter."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def fields(**values: object) -> dict[str, dict[str, object]]:
    """Return the `extra` argument for a log call whose line should contain these fields."""
    return {FIELDS: values}
