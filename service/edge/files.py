"""Raise the limit of open files for the connections, as far as the system permits."""

import logging
import resource
from contextlib import suppress

from ..log import fields

# Descriptors beside those of connections: the log, the listener, the event loop, libraries.
OTHER_FILES = 64

logger = logging.getLogger(__name__)


def allow_connections(wanted: int) -> int:
    """Return how many connections the limit of open files admits, after raising it if it can be.

    Args:
        wanted: The number of connections that should fit. If fewer do, a warning says so.
    """
    needed = wanted + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    with suppress(OSError, ValueError):  # raised in a sandbox in which nobody may change a limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    fit = max(1, soft - OTHER_FILES)
    logger.warning(
        f"the system lets this process open {soft} files, and max_connections needs {needed}, so"
        f" {fit} connections are taken; raise the hard limit (ulimit -Hn) or lower max_connections",
        extra=fields(open_files=soft, connections=fit),
    )
    return fit
